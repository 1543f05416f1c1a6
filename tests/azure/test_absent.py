"""Not there, or not to be seen: only Azure's own word for "it is not there" counts as nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mops_azure.errors import is_absence
from tests.azure.arm_http import Fault
from tests.azure.arm_server import SUBSCRIPTION, ArmServer
from tests.support.projects import Project

ANOTHER = "99999999-9999-9999-9999-999999999999"
RECORDED = Path(__file__).parent / "recorded" / "errors.jsonl"
GROUP = "/subscriptions/S/resourceGroups/G"
CLUSTER = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/c"
LOCK = f"{GROUP}/providers/Microsoft.Authorization/locks/l"
CONTAINER = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/a/blobServices/default/containers/c"
EVERY_COMMAND = {
    "plan": ("plan",),
    "plan by its exit code": ("plan", "--json", "--detailed-exitcode"),
    "status": ("status",),
    "create": ("create", "-y"),
    "stop": ("stop",),
    "start": ("start",),
    "kubeconfig": ("kubeconfig",),
    "registry create": ("registry", "create", "-y"),
    "registry attach": ("registry", "attach", "-y"),
    "registry delete": ("registry", "delete", "-y", "--confirm", "modelops-anna-registry"),
    "delete": ("delete", "-y", "--confirm", "modelops-anna"),
    "delete, listed only": ("delete", "--dry-run"),
    "doctor --register": ("doctor", "--register"),
}
ALL = {"acr": {"enabled": True}, "lock": True}


@pytest.mark.parametrize("command", EVERY_COMMAND.values(), ids=EVERY_COMMAND)
def test_a_subscription_that_cannot_be_seen_is_no_empty_one(arm: ArmServer, config, mops_azure, command):
    refused = mops_azure(*command, config=config(**ALL, subscription_id=ANOTHER))
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert f"The subscription '{ANOTHER}' could not be found (SubscriptionNotFound)" in line
    assert "az account list" in line
    assert "nothing" not in refused.stdout
    assert arm.writes() == []


def test_doctor_names_a_subscription_that_cannot_be_seen(arm: ArmServer, config, mops_azure):
    examined = mops_azure("doctor", config=config(subscription_id=ANOTHER))
    assert examined.returncode == 1
    assert f"PROBLEM  subscription {ANOTHER} is not to be seen" in examined.stdout


@pytest.mark.parametrize(
    "command", [("destroy", "--all", "--dry-run"), ("infra", "status"), ("infra", "down", "--dry-run")]
)
def test_neither_is_it_to_the_commands_of_mops(arm: ArmServer, config, environment, tmp_path, command):
    path = config(**ALL, subscription_id=ANOTHER)
    refused = Project(tmp_path, environment).mops(*command, "--config", str(path))
    assert refused.code == 1
    assert "(SubscriptionNotFound)" in refused.err
    assert "nothing to delete" not in refused.out


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (404, "SubscriptionNotFound", "az account list"),
        (400, "InvalidSubscriptionId", "write subscription_id as"),
        (404, "InvalidSubscriptionId", "write subscription_id as"),
        (401, "InvalidAuthenticationTokenTenant", "belongs to another tenant than tenant_id"),
        (404, "TenantNotFound", "belongs to another tenant than tenant_id"),
        (404, "NotFound", "`mops-azure plan` shows what is missing"),
        (404, "InvalidResourceType", ""),
        (404, None, "Azure answered 404 without saying why"),
    ],
)
@pytest.mark.parametrize("command", ["plan", "status", "delete -y --confirm modelops-anna", "stop"])
def test_any_other_refusal_to_show_it_is_told(arm: ArmServer, config, mops_azure, command, status, code, said):
    body = None if code is None else {"error": {"code": code, "message": "It could not be found."}}
    arm.faults = [Fault("GET", "/resourcegroups/", status, body, times=99)]
    refused = mops_azure(*command.split(), config=config())
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert (code or "404") in line
    assert said in line
    assert "nothing to delete" not in refused.stdout


@pytest.mark.parametrize(
    ("id_", "code", "is_not_there"),
    [
        (GROUP, "ResourceGroupNotFound", True),
        (GROUP, "ResourceNotFound", True),
        (GROUP, "NotFound", False),
        (GROUP, "SubscriptionNotFound", False),
        (CLUSTER, "ResourceNotFound", True),
        (CLUSTER, "ResourceGroupNotFound", True),
        (CLUSTER, "NotFound", False),
        (CLUSTER, "AgentPoolNotFound", False),
        (LOCK, "LockNotFound", True),
        (LOCK, "SubscriptionNotFound", False),
        (CONTAINER, "ContainerNotFound", True),
        (CONTAINER, "ParentResourceNotFound", False),
        (CONTAINER, "TenantNotFound", False),
    ],
)
def test_only_its_own_absence_counts(id_: str, code: str, is_not_there: bool):
    body = {"error": {"code": code, "message": "x"}}
    assert is_absence(id_, 404, body) is is_not_there
    assert not is_absence(id_, 403, body)


def test_every_recorded_404_of_a_resource_that_is_not_there_counts():
    errors = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    missing = [one for one in errors if one["status"] == 404]
    assert len(missing) > 10
    assert [one for one in missing if not is_absence(one["path"], 404, one["body"])] == []
    assert not [one for one in errors if one["status"] != 404 and is_absence(one["path"], one["status"], one["body"])]


def test_what_is_not_there_is_nothing_still(arm: ArmServer, config, mops_azure):
    gone = mops_azure("delete", "-y", "--confirm", "modelops-anna", config=config())
    assert gone.returncode == 0, gone.stderr
    assert "resource group modelops-anna is not there: nothing to delete" in gone.stdout
    aks = {"code": "NotFound", "message": "Could not find managed cluster", "subcode": "GetManagedCluster_NotFound"}
    assert mops_azure("create", "-y", config=config()).returncode == 0
    del arm.resources[
        f"/subscriptions/{SUBSCRIPTION}/resourcegroups/modelops-anna/providers/microsoft.containerservice/managedclusters/modelops"
    ]
    arm.faults = [Fault("GET", "/managedclusters/modelops$", 404, aks, times=99)]
    planned = mops_azure("plan", config=config())
    assert planned.returncode == 0, planned.stderr
    assert "+ cluster modelops" in planned.stdout
