"""`delete` and its guards."""

from __future__ import annotations

import pytest

from tests.azure.arm_server import SUBSCRIPTION, ArmServer

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
