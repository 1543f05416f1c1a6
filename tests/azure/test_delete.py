"""`delete` and its guards."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mops_azure.deletion import is_of_monitoring
from tests.azure.arm_server import SUBSCRIPTION, ArmServer
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
