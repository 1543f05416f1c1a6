"""Azure fails in all the ways it is known to: the user gets there, or gets one line with what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mops_azure.errors import MEANINGS, AzureError, from_reply
from tests.azure.arm_http import Fault
from tests.azure.arm_server import SECRET, SUBSCRIPTION, ArmServer
from tests.support.steering import NASTY, steering

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/modelops-anna"
CLUSTER = f"{GROUP}/providers/microsoft.containerservice/managedclusters/modelops"
ON_CLUSTER = r"/managedclusters/modelops$"
POLL = r"^/operations/"
GATEWAY = {"error": {"code": "GatewayTimeout", "message": "The gateway did not receive a response."}}

HEALED = {
    "reset before Azure took the PUT": Fault("PUT", ON_CLUSTER, reset="before"),
    "reset after Azure took the PUT": Fault("PUT", ON_CLUSTER, reset="after"),
    "reset of a poll": Fault("GET", POLL, reset="before"),
    "429 with Retry-After on a PUT": Fault(
        "PUT", ON_CLUSTER, 429, {"error": {"code": "Throttled", "message": "slow"}}, {"Retry-After": "1"}
    ),
    "429 without Retry-After on a PUT": Fault(
        "PUT", ON_CLUSTER, 429, {"error": {"code": "Throttled", "message": "slow"}}
    ),
    "429 of the identity service on a PUT": Fault(
        "PUT", ON_CLUSTER, 429, {"code": "FailedIdentityOperation", "message": "Retry after 2 seconds"}
    ),
    "500 on a PUT": Fault(
        "PUT", ON_CLUSTER, 500, {"code": "GetVnetError", "message": "Get virtual network failed."}, times=2
    ),
    "500 on a poll": Fault("GET", POLL, 500, {"error": {"code": "InternalServerError", "message": "x"}}),
    "502 on a poll": Fault("GET", POLL, 502, {"error": {"code": "BadGatewayConnection", "message": "x"}}),
    "504 on a poll, five times": Fault("GET", POLL, 504, GATEWAY, times=5),
    "404 on a poll": Fault("GET", POLL, 404, {"error": {"code": "NotFound", "message": "x"}}, times=99),
    "the principal is not known yet": Fault(
        "PUT",
        r"/roleassignments/",
        400,
        {"error": {"code": "PrincipalNotFound", "message": "Principal x does not exist"}},
        times=3,
    ),
}


@pytest.mark.parametrize("name", HEALED)
def test_a_passing_fault_is_healed(arm: ArmServer, config, mops_azure, name):
    fault = HEALED[name]
    arm.faults = [Fault(**{**vars(fault), "seen": 0})]
    done = mops_azure("create", "-y", config=config(acr={"enabled": True}))
    assert done.returncode == 0, done.stderr
    assert arm.faults[0].seen >= 1
    assert arm.resources[CLUSTER]["properties"]["provisioningState"] == "Succeeded"
    assert any("/roleassignments/" in key for key in arm.resources)


def refusal(code: str, message: str, *, bare: bool = False) -> object:
    body = {"code": code, "message": message, "details": None, "subcode": ""}
    return body if bare else {"error": {"code": code, "message": message}}


REFUSED = {
    "quota": (
        400,
        refusal("ErrCode_InsufficientVCPUQuota", "Insufficient vcpu quota requested 8, remaining 2", bare=True),
        "Usage + quotas",
    ),
    "size": (
        400,
        refusal(
            "BadRequest",
            "The VM size of Standard_D4s_v5 is not allowed in your subscription in location 'eastus2'.",
            bare=True,
        ),
        "vm_size",
    ),
    "version": (
        400,
        refusal("AgentPoolK8sVersionNotSupported", "Version 1.29.7 is not supported in this region.", bare=True),
        "aks.version",
    ),
    "policy": (403, refusal("RequestDisallowedByPolicy", "Resource 'modelops' was disallowed by policy."), "policy"),
    "provider": (
        409,
        refusal("MissingSubscriptionRegistration", "The subscription is not registered to use namespace 'x'."),
        "doctor --register",
    ),
    "rights": (
        403,
        refusal("AuthorizationFailed", "The client does not have authorization to perform action 'x'"),
        "owner",
    ),
    "tenant": (
        401,
        refusal("InvalidAuthenticationTokenTenant", "The access token is from the wrong issuer"),
        "az account show",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_one_line_with_a_remedy(arm: ArmServer, config, mops_azure, name):
    status, body, remedy = REFUSED[name]
    arm.faults = [Fault("PUT", ON_CLUSTER, status, body, times=99)]
    refused = mops_azure("create", "-y", config=config())
    assert refused.returncode == 1
    (line,) = [one for one in refused.stderr.splitlines() if not one.startswith("[")]
    assert remedy in line
    assert "{" not in line
    assert SECRET not in refused.stderr


def test_a_failed_operation_says_why_and_the_next_run_repairs_it(arm: ArmServer, config, mops_azure):
    error = {"code": "QuotaExceeded", "message": "exceeding approved Total Regional Cores quota"}
    arm.outcome[CLUSTER] = {"status": "Failed", "error": error}
    failed = mops_azure("create", "-y", config=config())
    assert failed.returncode == 1
    assert "Usage + quotas" in failed.stderr
    repaired = mops_azure("create", "-y", config=config())
    assert repaired.returncode == 0, repaired.stderr
    assert "provisioningState: Failed -> Succeeded" in repaired.stdout


def test_a_cancelled_operation_says_so(arm: ArmServer, config, mops_azure):
    arm.outcome[CLUSTER] = {"status": "Canceled"}
    failed = mops_azure("create", "-y", config=config())
    assert failed.returncode == 1
    assert "run the same command again" in failed.stderr
    assert mops_azure("create", "-y", config=config()).returncode == 0


def test_a_cluster_that_reports_failure_yet_finishes_is_a_success(arm: ArmServer, config, mops_azure):
    error = {"code": "InternalOperationError", "message": "x"}
    arm.outcome[CLUSTER] = {"status": "Failed", "error": error, "state": "Succeeded"}
    done = mops_azure("create", "-y", config=config())
    assert done.returncode == 0, done.stderr


def test_a_token_that_expires_while_waiting_is_renewed(arm: ArmServer, config, mops_azure):
    arm.token_life_s, arm.polls = 2.0, 6
    done = mops_azure("create", "-y", config=config())
    assert done.returncode == 0, done.stderr
    assert len(arm.tokens) > 1


def test_a_wrong_secret_is_one_line(arm: ArmServer, config, mops_azure):
    refused = mops_azure("create", "-y", config=config(), env={"AZURE_CLIENT_SECRET": "wrong-and-not-shown"})
    assert refused.returncode == 2
    assert "that the secret is right" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert "wrong-and-not-shown" not in refused.stderr


def test_providers_are_registered_before_the_first_cluster(arm: ArmServer, config, mops_azure):
    arm.unregistered = {"Microsoft.ContainerService"}
    done = mops_azure("create", "-y", config=config())
    assert done.returncode == 0, done.stderr
    assert arm.unregistered == set()


def test_no_right_to_assign_leaves_a_cluster_and_the_line_to_hand_on(arm: ArmServer, config, mops_azure):
    arm.faults = [Fault("PUT", r"/roleassignments/", 403, refusal("AuthorizationFailed", "no authorization"), times=99)]
    refused = mops_azure("create", "-y", config=config(acr={"enabled": True}))
    assert refused.returncode == 1
    assert "az role assignment create --assignee-object-id 00000000-0000-0000-0000-0000000000dd" in refused.stderr
    assert arm.resources[CLUSTER]["properties"]["provisioningState"] == "Succeeded"


def test_the_time_limit_says_how_to_go_on(arm: ArmServer, config, mops_azure):
    arm.polls = 100
    late = mops_azure("create", "-y", "--timeout", "1s", config=config())
    assert late.returncode == 1
    assert "still under way" in late.stderr
    arm.polls = 0
    assert mops_azure("create", "-y", config=config()).returncode == 0


def test_no_wait_returns_and_a_second_run_finishes(arm: ArmServer, config, mops_azure):
    begun = mops_azure("create", "-y", "--no-wait", config=config(acr={"enabled": True}))
    assert begun.returncode == 0, begun.stderr
    assert not any("/roleassignments/" in key for key in arm.resources)
    assert mops_azure("create", "-y", config=config(acr={"enabled": True})).returncode == 0
    assert any("/roleassignments/" in key for key in arm.resources)


def test_a_pool_that_is_still_changed_is_waited_for(arm: ArmServer, config, mops_azure):
    assert mops_azure("create", "-y", config=config()).returncode == 0
    arm.polls = 4
    begun = mops_azure("create", "-y", "--no-wait", config=config(aks={"workload_pool": {"max": 7}}))
    assert begun.returncode == 0, begun.stderr
    assert arm.resources[CLUSTER]["properties"]["provisioningState"] == "Succeeded"
    assert "Azure is still at work on pool workcpu" in mops_azure("plan", config=config()).stdout
    watched = mops_azure("status", "--watch", config=config())
    assert "0 of 0 to 7 nodes, Standard_D4s_v5, Updating" in watched.stdout
    assert "0 of 0 to 7 nodes, Standard_D4s_v5, Succeeded" in watched.stdout
    for most in (8, 9):  # begun, and while that is under way another change
        waits = ["--no-wait"] if most == 8 else []
        done = mops_azure("create", "-y", *waits, config=config(aks={"workload_pool": {"max": most}}))
        assert done.returncode == 0, done.stderr
    assert mops_azure("plan", "--detailed-exitcode", config=config(aks={"workload_pool": {"max": 9}})).returncode == 0


def recorded_errors() -> list[dict]:
    return [json.loads(line) for line in (Path(__file__).parent / "recorded" / "errors.jsonl").read_text().splitlines()]


def test_each_recorded_error_is_one_line_with_a_remedy_of_its_own():
    errors = recorded_errors()
    assert len(errors) == 28
    for one in errors:
        error = from_reply("doing this", one["status"], one["body"])
        assert isinstance(error, AzureError)
        line = str(error)
        assert "\n" not in line
        assert "{" not in line
        assert "http" not in line
        assert len(line) < 700
        assert MEANINGS[-1].remedy not in line, line


def test_what_azure_says_steers_no_terminal(arm: ArmServer, config, mops_azure):
    arm.faults = [Fault("PUT", ON_CLUSTER, 400, refusal("BadRequest", f"the size {NASTY} is not there"), times=99)]
    done = mops_azure("create", "-y", config=config())
    assert done.returncode == 1
    assert r"the size \x1b]52;c;ZXZpbA==\x07" in done.stderr
    assert steering(done.stdout + done.stderr) == set()


def test_what_stands_in_azure_steers_no_terminal(arm: ArmServer, config, mops_azure):
    path = config()
    assert mops_azure("create", "-y", config=path).returncode == 0
    for resource in arm.resources.values():
        resource["tags"] = {**(resource.get("tags") or {}), "owner": NASTY, NASTY: "x"}
    properties = arm.resources[CLUSTER]["properties"]
    properties.update(currentKubernetesVersion=NASTY, fqdn=NASTY, nodeResourceGroup=NASTY)
    for pool in properties["agentPoolProfiles"]:
        pool["vmSize"] = NASTY
    for args in (
        ("status",),
        ("status", "--json"),
        ("plan",),
        ("plan", "--json"),
        ("doctor",),
        ("delete", "--dry-run"),
    ):
        done = mops_azure(*args, config=path)
        assert "defect" not in done.stderr, args
        assert steering(done.stdout + done.stderr) == set(), args
