"""`delete` and its guards."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mops_azure.resources.logs import is_of_monitoring
from tests.azure.arm_http import Fault
from tests.azure.arm_server import SUBSCRIPTION, ArmServer
from tests.azure.test_questions import answer, asked
from tests.azure.test_types import CONFIG
from tests.support.patience import PATIENCE_S

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/modelops-anna"
SURE = ("delete", "-y", "--confirm", "modelops-anna")


@pytest.fixture
def made(arm: ArmServer, config, mops_azure):
    """A config whose resources are all there."""

    def make(**over):
        path = config(**over)
        done = mops_azure("create", "-y", config=path)
        assert done.returncode == 0, done.stderr
        return path

    return make


def test_delete_takes_all_of_ours_and_leaves_the_registry_without_our_right(arm: ArmServer, made, mops_azure):
    path = made(acr={"enabled": True})
    done = mops_azure(*SURE, config=path)
    assert done.returncode == 0, done.stderr
    assert sorted(key.split("/")[-1] for key in arm.resources) == sorted(["modelops-anna-registry", _registry(arm)])
    again = mops_azure(*SURE, config=path)
    assert again.returncode == 0
    assert "nothing to delete" in again.stdout


def _registry(arm: ArmServer) -> str:
    return next(key.split("/")[-1] for key in arm.resources if "/registries/" in key)


def test_a_dry_run_lists_and_deletes_nothing(arm: ArmServer, made, mops_azure):
    path = made()
    before = len(arm.writes())
    listed = mops_azure("delete", "--dry-run", config=path)
    assert listed.returncode == 0
    assert "managedClusters modelops" in listed.stdout.replace("ManagedClusters", "managedClusters")
    assert len(arm.writes()) == before


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("delete",), "nobody is there to ask"),
        (("delete", "-y"), "-y needs --confirm"),
        (("delete", "-y", "--confirm", "other"), "--confirm says 'other'"),
    ],
)
def test_without_the_typed_name_nothing_goes(arm: ArmServer, made, mops_azure, args, said):
    path = made()
    before = len(arm.writes())
    refused = mops_azure(*args, config=path)
    assert refused.returncode == 2
    assert said in refused.stderr
    assert len(arm.writes()) == before


def test_foreign_resources_are_listed_and_keep_the_group(arm: ArmServer, made, mops_azure):
    path = made()
    foreign = {
        "id": f"{GROUP}/providers/Microsoft.Storage/storageAccounts/thesis",
        "name": "thesis",
        "type": "Microsoft.Storage/storageAccounts",
    }
    arm.groups_members[GROUP] = [foreign]
    refused = mops_azure(*SURE, config=path)
    assert refused.returncode == 2
    assert "storageAccounts thesis" in refused.stderr
    assert GROUP in arm.resources


def member(kind: str, name: str) -> dict[str, str]:
    return {"id": f"{GROUP}/providers/{kind}/{name}", "name": name, "type": kind}


def test_what_the_monitoring_of_the_cluster_made_goes_with_it(arm: ArmServer, made, mops_azure):
    """Names as `az aks enable-addons -a monitoring` gives them."""
    path = made(logs={"enabled": True})
    arm.groups_members[GROUP] = [
        member("Microsoft.Insights/dataCollectionRules", "MSCI-westeurope-modelops"),
        member("Microsoft.Insights/dataCollectionEndpoints", "MSCI-ingest-westeurope-modelops"),
        member("Microsoft.OperationsManagement/solutions", "ContainerInsights(modelops)"),
    ]
    listed = mops_azure("delete", "--dry-run", config=path)
    assert listed.returncode == 0, listed.stderr
    assert "dataCollectionRules MSCI-westeurope-modelops, which the monitoring of the cluster made" in listed.stdout
    assert mops_azure(*SURE, config=path).returncode == 0
    assert GROUP not in arm.resources


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Microsoft.Insights/dataCollectionRules", "MSCI-westeurope-other"),
        ("Microsoft.Insights/dataCollectionRules", "MSCI-modelops"),
        ("Microsoft.Insights/dataCollectionRules", "thesis"),
        ("Microsoft.Insights/metricAlerts", "MSCI-westeurope-modelops"),
        ("Microsoft.OperationsManagement/solutions", "ContainerInsights(other)"),
    ],
)
def test_a_rule_of_somebody_else_keeps_the_group(arm: ArmServer, made, mops_azure, kind, name):
    path = made()
    arm.groups_members[GROUP] = [member(kind, name)]
    refused = mops_azure(*SURE, config=path)
    assert refused.returncode == 2
    assert f"{kind} {name}" in refused.stderr
    assert GROUP in arm.resources


def test_a_long_name_of_such_a_rule_is_cut_as_az_cuts_it():
    config = CONFIG.model_copy(update={"aks": CONFIG.aks.model_copy(update={"name": f"{'c' * 46}-{'d' * 16}"})})
    rule = "Microsoft.Insights/dataCollectionRules"
    assert is_of_monitoring(config, {"type": rule, "name": f"MSCI-northcentralus-{'c' * 44}"}) is True
    assert is_of_monitoring(config, {"type": rule, "name": f"MSCI-westus2-{'c' * 46}-{'d' * 4}"}) is True
    assert is_of_monitoring(config, {"type": rule, "name": f"MSCI-westus2-{'c' * 46}-{'d' * 5}"}) is False


def test_a_group_of_others_is_refused(arm: ArmServer, made, mops_azure):
    path = made()
    del arm.resources[GROUP]["tags"]["managedBy"]
    refused = mops_azure(*SURE, config=path)
    assert refused.returncode == 2
    assert "not ours to delete" in refused.stderr


def test_our_lock_goes_only_when_asked(arm: ArmServer, made, mops_azure):
    path = made(lock=True)
    refused = mops_azure(*SURE, config=path)
    assert refused.returncode == 2
    assert "--unlock" in refused.stderr
    assert GROUP in arm.resources
    assert mops_azure(*SURE, "--unlock", config=path).returncode == 0
    assert arm.resources == {}


def test_a_lock_of_others_is_never_removed(arm: ArmServer, made, mops_azure):
    path = made()
    lock = f"{GROUP}/providers/microsoft.authorization/locks/auditors"
    arm.resources[lock] = {"id": lock, "name": "auditors", "properties": {"level": "CanNotDelete"}}
    refused = mops_azure(*SURE, "--unlock", config=path)
    assert refused.returncode == 2
    assert "auditors" in refused.stderr
    assert {GROUP, lock} <= set(arm.resources)


def test_production_asks_twice(arm: ArmServer, made, mops_azure):
    path = made(tags={"env": "prod"})
    refused = mops_azure(*SURE, config=path)
    assert refused.returncode == 2
    assert "--confirm-production" in refused.stderr
    assert GROUP in arm.resources
    assert mops_azure(*SURE, "--confirm-production", "modelops-anna", config=path).returncode == 0
    assert GROUP not in arm.resources


def test_without_helm_it_says_so_and_goes_on(arm: ArmServer, made, mops_azure):
    path = made()
    done = mops_azure(*SURE, config=path, env={"PATH": "/nowhere"})
    assert done.returncode == 0, done.stderr
    assert "helm is not there: Helm releases are not uninstalled first" in done.stdout
    assert arm.resources == {}


def test_a_cluster_that_does_not_answer_helm_goes_all_the_same(arm: ArmServer, made, mops_azure, tmp_path):
    path = made()
    helm = tmp_path / "bin" / "helm"
    helm.parent.mkdir()
    helm.write_text(
        '#!/bin/sh\necho "Error: Kubernetes cluster unreachable: $(stat -c %a "$KUBECONFIG")" >&2\nexit 1\n'
    )
    helm.chmod(0o755)
    done = mops_azure(*SURE, config=path, env={"PATH": f"{helm.parent}:/usr/bin:/bin"})
    assert done.returncode == 0, done.stderr
    assert "helm list: Error: Kubernetes cluster unreachable: 600" in done.stdout
    assert arm.resources == {}


def test_a_stopped_cluster_is_not_asked_for_its_releases(arm: ArmServer, made, mops_azure):
    path = made()
    assert mops_azure("stop", config=path).returncode == 0
    listed = mops_azure("delete", "--dry-run", config=path)
    assert "the cluster is not running" in listed.stdout


@pytest.fixture
def mops_destroy(environment):
    def run(*args: str, config) -> subprocess.CompletedProcess[str]:
        code = "from mops.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, "destroy", *args, "--config", str(config)],
            env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip

    return run


def test_destroy_takes_the_registry_only_when_it_is_named(arm: ArmServer, made, mops_destroy):
    path = made(acr={"enabled": True})
    everything = ("--all", "-y", "--confirm", "modelops-anna")
    wrong = mops_destroy(*everything, "--registry", "other", config=path)
    assert wrong.returncode == 2
    assert GROUP in arm.resources
    listed = mops_destroy("--all", "--dry-run", config=path)
    assert listed.returncode == 0, listed.stderr
    assert GROUP in arm.resources
    first = mops_destroy(*everything, config=path)
    assert first.returncode == 0, first.stderr
    assert "the registry" in first.stdout
    assert _registry(arm)
    assert mops_destroy(*everything, "--registry", "modelops-anna-registry", config=path).returncode == 0
    assert arm.resources == {}
    assert "stays" not in mops_destroy(*everything, config=path).stdout


def test_destroy_of_a_shared_registry_stops_before_anything_goes(arm: ArmServer, made, mops_destroy):
    path = made(acr={"enabled": True})
    del arm.resources[f"{GROUP}-registry"]["tags"]["managedBy"]
    args = ("--all", "-y", "--confirm", "modelops-anna", "--registry", "modelops-anna-registry")
    refused = mops_destroy(*args, config=path)
    assert refused.returncode == 2
    assert "not ours to delete" in refused.stderr
    assert GROUP in arm.resources


def test_destroy_without_all_is_refused(arm: ArmServer, made, mops_destroy):
    refused = mops_destroy("-y", "--confirm", "modelops-anna", config=made())
    assert refused.returncode == 2
    assert GROUP in arm.resources


BLOCKED = {
    "code": "ResourceGroupDeletionBlocked",
    "message": "Deletion of resource group 'modelops-anna' failed as resources with identifiers 'x' could not be deleted. "
    "The provisioning state of the resource group will be rolled back. The tracking Id is 'y'.",
    "details": [
        {
            "target": f"{GROUP}/providers/Microsoft.Network/publicIPAddresses/front",
            "message": '{"error": {"code": "PublicIPAddressCannotBeDeleted", "message": "It is in use by nic7."}}',
        }
    ],
}


def test_a_group_that_azure_puts_back_ends_at_once_and_names_what_stayed(arm: ArmServer, made, mops_azure):
    path = made()
    arm.polls = 2
    arm.outcome[GROUP] = {"status": "Failed", "error": BLOCKED}
    arm.on_request = lambda _: put_back(arm)
    failed = mops_azure(*SURE, "--timeout", "60s", config=path)
    assert failed.returncode == 1, failed.stderr
    (line,) = [one for one in failed.stderr.splitlines() if not one.startswith("[")]
    assert "Microsoft.Network/publicIPAddresses/front: It is in use by nic7" in line
    assert "delete what is named first" in line
    assert "still under way" not in line
    arm.on_request = lambda _: None
    assert mops_azure(*SURE, config=path).returncode == 0
    assert GROUP not in arm.resources


def put_back(arm: ArmServer) -> None:
    """As Azure does: a group whose deletion failed is Succeeded again."""
    for operation in arm.operations.values():
        if operation["id"] == GROUP and operation["kind"] == "delete" and operation["done"] and GROUP in arm.resources:
            arm.resources[GROUP]["properties"]["provisioningState"] = "Succeeded"


@pytest.mark.parametrize("status", [409, 400])
def test_so_does_one_whose_end_is_told_by_a_status(arm: ArmServer, made, mops_azure, status):
    """Real Azure: a Location that answers 202, then 409 with the reason."""
    path = made()
    arm.outcome[GROUP] = {"status": "Failed", "error": BLOCKED}
    arm.on_request = lambda _: put_back(arm)
    arm.faults = [Fault("GET", r"^/operations/", 202, None, times=2), Fault("GET", r"^/operations/", status, BLOCKED)]
    arm.faults[1].nth = 0
    failed = mops_azure(*SURE, "--timeout", "60s", config=path)
    assert failed.returncode == 1, failed.stderr
    assert "publicIPAddresses/front: It is in use by nic7" in failed.stderr


def test_a_group_that_somebody_else_failed_to_delete_is_not_waited_for(arm: ArmServer, made, mops_azure):
    path = made()
    refusal = {"error": {"code": "ResourceGroupBeingDeleted", "message": "It is being deprovisioned."}}
    arm.faults = [Fault("DELETE", r"/modelops-anna$", 409, refusal, times=9)]
    seen = []

    def back_after_a_while(_: int) -> None:
        seen.append(1)
        moving = arm.faults[0].seen and len([one for one in arm.log if one.path.lower() == GROUP]) % 7 != 6
        arm.resources[GROUP]["properties"]["provisioningState"] = "Deleting" if moving else "Succeeded"

    arm.on_request = back_after_a_while
    failed = mops_azure(*SURE, "--timeout", "100s", config=path)
    assert failed.returncode == 1, failed.stderr
    assert "Azure did not delete it, it is Succeeded again" in failed.stderr


NEW = {
    "id": f"{GROUP}/providers/Microsoft.Compute/disks/late",
    "name": "late",
    "type": "Microsoft.Compute/disks",
    "tags": {"managedBy": "modelops"},
}


@pytest.mark.parametrize("what", ["ours", "foreign", "lock", "production", "node disk"])
def test_what_appears_while_the_question_stands_is_not_deleted_unseen(
    arm: ArmServer, made, environment, what, mops_azure
):
    path = made()
    cluster = next(one for key, one in arm.resources.items() if "/managedclusters/" in key)
    nodes = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/{cluster['properties']['nodeResourceGroup'].lower()}"
    arm.resources[nodes] = {"id": nodes, "name": nodes.split("/")[-1], "properties": {}}
    with asked(path, environment, "delete") as screen:
        screen.until(lambda shown: shown.endswith("Type the resource group's name to delete it:"))
        if what in ("ours", "foreign"):
            arm.groups_members[GROUP] = [NEW if what == "ours" else {**NEW, "tags": {}}]
        elif what == "lock":
            lock = f"{GROUP}/providers/microsoft.authorization/locks/auditors"
            arm.resources[lock] = {"id": lock, "name": "auditors", "properties": {"level": "CanNotDelete"}}
        elif what == "production":
            arm.resources[GROUP]["tags"]["env"] = "prod"
        else:
            arm.groups_members[nodes] = [NEW]
        answer(screen, "Type the resource group's name to delete it:", "modelops-anna")
        named = {"lock": "auditors", "production": "PRODUCTION"}.get(what, "late")
        screen.until(lambda shown: named in shown.partition("to delete it:")[2].replace("\n", ""))
        assert screen.end() == 2
    assert GROUP in arm.resources
    assert arm.writes()[-1].method != "DELETE"
    if what in ("ours", "node disk"):
        again = mops_azure("delete", "--dry-run", config=path)
        assert (again.returncode, "Microsoft.Compute/disks late" in again.stdout) == (0, True)


HELM = """#!/bin/sh
case "$1" in
  list) [ -e "$0.listed" ] && [ -e "$0.second" ] && more=',{"name":"b","namespace":"n","chart":"adaptive-run-1"}'
        touch "$0.listed"; echo "[{\\"name\\":\\"a\\",\\"namespace\\":\\"n\\",\\"chart\\":\\"adaptive-run-1\\"}$more]";;
  uninstall) touch "$0.gone";;
esac
"""


def test_a_run_that_was_not_listed_is_not_deleted(arm: ArmServer, made, mops_azure, tmp_path):
    path = made()
    helm = tmp_path / "bin" / "helm"
    helm.parent.mkdir()
    helm.write_text(HELM)
    helm.chmod(0o755)
    helm.with_name("helm.second").touch()
    refused = mops_azure(*SURE, config=path, env={"PATH": f"{helm.parent}:/usr/bin:/bin"})
    assert refused.returncode == 2, refused.stderr
    assert "b in n" in refused.stderr
    assert GROUP in arm.resources
    assert not helm.with_name("helm.gone").exists()


def test_what_appears_while_helm_uninstalls_is_not_deleted_unseen(arm: ArmServer, made, mops_azure, tmp_path):
    path = made()
    helm = tmp_path / "bin" / "helm"
    helm.parent.mkdir()
    helm.write_text(HELM)
    helm.chmod(0o755)

    def late(_: int) -> None:
        if helm.with_name("helm.gone").exists():
            arm.groups_members[GROUP] = [NEW]

    arm.on_request = late
    refused = mops_azure(*SURE, config=path, env={"PATH": f"{helm.parent}:/usr/bin:/bin"})
    assert refused.returncode == 2, refused.stderr
    assert "Microsoft.Compute/disks late is new; the group was not deleted" in refused.stderr
    assert GROUP in arm.resources


def test_what_came_to_the_registrys_group_meanwhile_keeps_it(arm: ArmServer, made, mops_destroy):
    path = made(acr={"enabled": True})

    def late(_: int) -> None:
        if GROUP not in arm.resources:
            arm.groups_members[f"{GROUP}-registry"] = [NEW]

    arm.on_request = late
    args = ("--all", "-y", "--confirm", "modelops-anna", "--registry", "modelops-anna-registry")
    refused = mops_destroy(*args, config=path)
    assert refused.returncode == 2, refused.stderr
    assert "Microsoft.Compute/disks late is new" in refused.stderr
    assert f"{GROUP}-registry" in arm.resources
