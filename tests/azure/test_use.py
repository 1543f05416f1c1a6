"""`status`, `kubeconfig`, `stop`, `start`, `registry` against the loopback Azure."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from modelops_runtime.contracts.errors import UserError
from mops_azure.kubeconfig import KINDS, merge, renamed
from tests.azure.arm_server import SUBSCRIPTION, ArmServer

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/modelops-anna"
CLUSTER = f"{GROUP}/providers/microsoft.containerservice/managedclusters/modelops"
TOKEN = "kube-token-never-shown"
NAME = "modelops-anna-modelops"


@pytest.fixture
def path(arm: ArmServer, config, mops_azure) -> Path:
    path = config()
    assert mops_azure("create", "-y", config=path).returncode == 0
    return path


def test_status_shows_pools_version_and_cost(path, mops_azure):
    shown = mops_azure("status", config=path)
    assert shown.returncode == 0, shown.stderr
    assert "Kubernetes 1.35.6, supported until 2027-03" in shown.stdout
    assert "pool workcpu: 0 of 0 to 5 nodes" in shown.stdout
    facts = json.loads(mops_azure("status", "--json", config=path).stdout)
    assert facts["cluster"]["state"] == "Succeeded"
    assert facts["cluster"]["nodes_usd_per_hour"] > 0


def test_status_before_anything_is_there(config, mops_azure):
    shown = mops_azure("status", config=config())
    assert shown.returncode == 0
    assert "not there" in shown.stdout


def test_kubeconfig_is_for_the_owner_alone_and_not_shown(path, mops_azure, tmp_path):
    done = mops_azure("kubeconfig", config=path)
    assert done.returncode == 0, done.stderr
    file = tmp_path / ".modelops/kubeconfig/modelops-anna-modelops.yaml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert TOKEN in file.read_text()
    assert TOKEN not in done.stdout + done.stderr


def test_merging_leaves_other_contexts_as_they_are(path, mops_azure, tmp_path):
    other = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "lab", "cluster": {"server": "https://lab"}}],
        "users": [{"name": "lab", "user": {"token": "t"}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
        "current-context": "lab",
    }
    file = tmp_path / "kube"
    file.write_text(json.dumps(other))
    for _ in range(2):
        done = mops_azure("kubeconfig", "--merge", config=path, env={"KUBECONFIG": str(file)})
        assert done.returncode == 0, done.stderr
    merged = YAML(typ="safe").load(file.read_text())
    assert merged["current-context"] == "lab"
    for kind in ("clusters", "users", "contexts"):
        assert [one["name"] for one in merged[kind]] == ["lab", "modelops-anna-modelops"]
        assert merged[kind][0] == other[kind][0]


def test_merging_into_what_is_no_kubeconfig_leaves_it(path, mops_azure, tmp_path):
    file = tmp_path / "kube"
    for text in (
        "a: [",
        "[]",
        "clusters: [a, b]",
        "clusters: {a: b}",
        f"clusters: [{{name: {NAME}, cluster: null}}]",
        f"users: [{{name: {NAME}, user: x}}]",
        "contexts: 5",
        "contexts: 0",
        "date: 2024-99-99",
    ):
        file.write_text(text)
        refused = mops_azure("kubeconfig", "--merge", config=path, env={"KUBECONFIG": str(file)})
        assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1), refused.stderr
        assert f"{file}: this is no kubeconfig" in refused.stderr
        assert file.read_text() == text


@pytest.mark.parametrize(
    "there",
    [
        {"clusters": [{"name": NAME, "cluster": {"server": "https://lab"}}]},
        {"users": [{"name": NAME, "user": {"token": "t"}}]},
        {"contexts": [{"name": NAME, "context": {"cluster": "lab", "user": "lab"}}]},
    ],
)
def test_merging_replaces_what_is_of_another_cluster_only_when_told(there):
    user, cluster = {"token": TOKEN}, {"server": "https://ours"}
    text = json.dumps({"clusters": [{"name": "a", "cluster": cluster}], "users": [{"name": "a", "user": user}]})
    ours = renamed(text, NAME)
    with pytest.raises(UserError, match="say --overwrite to replace it"):
        merge(there, ours, overwrite=False)
    replaced = merge(there, ours, overwrite=True)
    assert {kind: replaced[kind] for kind in KINDS} == {kind: ours[kind] for kind in KINDS}
    renewed = {**ours, "users": [{"name": NAME, "user": {"token": "new"}}]}
    assert merge(ours, renewed, overwrite=False) == renewed


def test_a_folder_is_no_place_for_a_kubeconfig(path, mops_azure, tmp_path):
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(link)
    for args, named in (
        (("--merge",), folder),
        (("--file", str(folder)), folder),
        (("--file", f"{path}/x/y"), f"{path}/x/y"),
        (("--file", str(link)), link),
        (("--file", "~nobody-of-that-name/x"), "~nobody-of-that-name/x"),
    ):
        refused = mops_azure("kubeconfig", *args, config=path, env={"KUBECONFIG": str(folder)})
        assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1), refused.stderr
        assert f"mops-azure: {named}: " in refused.stderr
    assert list(folder.iterdir()) == []


def test_options_of_kubeconfig_that_would_be_passed_over_are_refused(config, mops_azure):
    for args, said in ((("--use",), "add --merge"), (("--file", ""), "--file is empty")):
        refused = mops_azure("kubeconfig", *args, config=config())
        assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1), refused.stderr
        assert said in refused.stderr


def test_stop_and_start_are_safe_to_repeat(arm: ArmServer, path, mops_azure):
    for action, power in (("stop", "Stopped"), ("stop", "Stopped"), ("start", "Running")):
        done = mops_azure(action, config=path)
        assert done.returncode == 0, done.stderr
        assert arm.resources[CLUSTER]["properties"]["powerState"]["code"] == power
    assert sum(one.path.endswith("/stop") for one in arm.log) == 1


def test_a_stopped_cluster_is_not_changed(arm: ArmServer, config, path, mops_azure):
    assert mops_azure("stop", config=path).returncode == 0
    before = len(arm.writes())
    refused = mops_azure("create", "-y", config=config(aks={"workload_pool": {"max": 9}}))
    assert refused.returncode == 2
    assert "mops-azure start" in refused.stderr
    assert len(arm.writes()) == before


def test_a_registry_is_made_attached_and_deleted_apart(arm: ArmServer, config, path, mops_azure):
    path = config(acr={"enabled": True})
    for args in (("create",), ("attach",)):
        done = mops_azure("registry", *args, "-y", config=path)
        assert done.returncode == 0, done.stderr
    assert any("/roleassignments/" in key for key in arm.resources)
    before = len(arm.writes())
    assert mops_azure("registry", "attach", "-y", config=path).returncode == 0
    assert len(arm.writes()) == before
    gone = mops_azure("registry", "delete", "-y", "--confirm", "modelops-anna-registry", config=path)
    assert gone.returncode == 0, gone.stderr
    assert CLUSTER in arm.resources
    assert not any("registries" in key for key in arm.resources)


def test_a_shared_registry_is_used_and_never_changed(arm: ArmServer, config, path, mops_azure):
    group = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/shared"
    registry = f"{group}/providers/microsoft.containerregistry/registries/institute"
    arm.resources[group] = {"id": group, "name": "shared", "location": "westeurope", "properties": {}}
    properties = {"provisioningState": "Succeeded", "loginServer": "institute.azurecr.io"}
    arm.resources[registry] = {"id": registry, "name": "institute", "location": "westeurope", "properties": properties}
    before = len(arm.writes())
    done = mops_azure(
        "create", "-y", config=config(acr={"enabled": True, "name": "institute", "resource_group": "shared"})
    )
    assert done.returncode == 0, done.stderr
    assert ["roleAssignments" in one.path for one in arm.writes()[before:]] == [True]
