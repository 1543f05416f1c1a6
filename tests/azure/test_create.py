"""`plan` and `create` against the loopback Azure."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from mops_azure.config import AzureConfig
from tests.azure.arm_http import Fault
from tests.azure.arm_server import SECRET, SUBSCRIPTION, ArmServer
from tests.azure.test_doctor import sku, usage

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/modelops-anna"
CLUSTER = f"{GROUP}/providers/microsoft.containerservice/managedclusters/modelops"
FULL = {"acr": {"enabled": True}, "lock": True}


def test_create_makes_what_the_plan_says_and_a_second_run_sends_nothing(arm: ArmServer, config, shipped):
    path = config(**FULL)
    planned = shipped("plan", config=path)
    assert planned.returncode == 0, planned.stderr
    assert "Plan: 8 to create" in planned.stdout
    assert arm.writes() == []
    made = shipped("create", "-y", config=path)
    assert made.returncode == 0, made.stderr
    assert arm.invalid == []
    assert arm.resources[CLUSTER]["properties"]["provisioningState"] == "Succeeded"
    before = len(arm.writes())
    assert before == 6  # two groups, registry, cluster, lock, right
    again = shipped("create", "-y", config=path)
    assert again.returncode == 0, again.stderr
    assert "Nothing to do" in again.stdout
    assert len(arm.writes()) == before
    assert SECRET not in planned.stdout + made.stdout + made.stderr


def test_plan_tells_programs_by_json_and_exit_code(arm: ArmServer, config, mops_azure):
    path = config()
    planned = mops_azure("plan", "--json", "--detailed-exitcode", config=path)
    assert planned.returncode == 2
    steps = json.loads(planned.stdout)["steps"]
    assert [(step["action"], step["kind"]) for step in steps] == [
        ("create", "resource group"),
        ("create", "cluster"),
        ("create", "pool"),
        ("create", "pool"),
    ]
    assert mops_azure("create", "-y", config=path).returncode == 0
    assert mops_azure("plan", "--json", "--detailed-exitcode", config=path).returncode == 0
    lost = mops_azure("plan", "--detailed-exitcode", config=path.with_name("lost.yaml"))
    assert lost.returncode == 1, "2 would mean that there are changes"
    assert mops_azure("plan", config=path.with_name("lost.yaml")).returncode == 2


def test_a_changed_maximum_is_one_put_of_that_pool_with_its_live_count(arm: ArmServer, config, mops_azure):
    assert mops_azure("create", "-y", config=config()).returncode == 0
    pool = next(one for one in arm.resources[CLUSTER]["properties"]["agentPoolProfiles"] if one["name"] == "workcpu")
    pool["count"] = 3  # the autoscaler was at work
    before = len(arm.writes())
    changed = mops_azure("create", "-y", config=config(aks={"workload_pool": {"max": 12}}))
    assert changed.returncode == 0, changed.stderr
    assert "maxCount: 5 -> 12" in changed.stdout
    (put,) = arm.writes()[before:]
    assert put.path.endswith("/agentPools/workcpu")
    assert put.body["properties"]["count"] == 3
    assert arm.invalid == []


def test_another_vm_size_replaces_the_pool_only_when_allowed(arm: ArmServer, config, mops_azure):
    assert mops_azure("create", "-y", config=config()).returncode == 0
    path = config(aks={"workload_pool": {"vm_size": "Standard_D8s_v5"}})
    before = len(arm.writes())
    refused = mops_azure("create", "-y", config=path)
    assert refused.returncode == 2
    assert "(forces replacement)" in refused.stdout
    assert "--allow-replace" in refused.stderr
    assert len(arm.writes()) == before
    done = mops_azure("create", "-y", "--allow-replace", config=path)
    assert done.returncode == 0, done.stderr
    assert [(one.method, one.path.split("/")[-1]) for one in arm.writes()[before:]] == [
        ("DELETE", "workcpu"),
        ("PUT", "workcpu"),
    ]
    assert mops_azure("plan", "--detailed-exitcode", config=path).returncode == 0


BIGGER = "Standard_E8s_v5"


def has(arm: ArmServer, *usages: dict, **more: object) -> None:
    """Sizes and quota of the location."""
    arm.answers = {
        r"/microsoft.compute/skus$": {
            "value": [sku("Standard_D4s_v5", "standardDSv5Family", 4), sku(BIGGER, "standardESv5Family", 8, **more)]
        },
        r"/usages$": {"value": list(usages)},
    }


@pytest.mark.parametrize(
    ("usages", "more", "said"),
    [
        ([usage("cores", 90, 100), usage("standardESv5Family", 0, 7)], {}, "quota standardESv5Family: 8 cores needed"),
        (
            [usage("cores", 97, 100), usage("standardESv5Family", 0, 99)],
            {},
            "quota cores: 8 cores needed for workcpu, 3 left",
        ),
        ([], {"restrictions": [{"type": "Location"}]}, f"{BIGGER} is not open to this subscription"),
        ([], {"resourceType": "disks"}, f"{BIGGER} does not exist in eastus2"),
        ([], {"locationInfo": []}, f"{BIGGER} is not in zone 1"),
    ],
)
def test_size_and_quota_are_looked_at_before_a_pool_is_deleted(arm: ArmServer, config, mops_azure, usages, more, said):
    assert mops_azure("create", "-y", config=config()).returncode == 0
    before = len(arm.writes())
    has(arm, *usages, **more)
    path = config(aks={"workload_pool": {"vm_size": BIGGER, "zones": ["1"]}})
    refused = mops_azure("create", "-y", "--allow-replace", config=path)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1), refused.stderr
    assert said in refused.stderr
    assert "Nothing was deleted" in refused.stderr
    assert len(arm.writes()) == before


def test_cores_that_the_old_pool_gives_back_count(arm: ArmServer, config, mops_azure):
    assert mops_azure("create", "-y", config=config(aks={"workload_pool": {"min": 2}})).returncode == 0
    has(arm, usage("cores", 99, 100), usage("standardESv5Family", 0, 8))
    path = config(aks={"workload_pool": {"vm_size": BIGGER}})
    done = mops_azure("create", "-y", "--allow-replace", config=path)
    assert done.returncode == 0, done.stderr


def test_a_right_to_read_the_quota_that_is_missing_deletes_nothing(arm: ArmServer, config, mops_azure):
    assert mops_azure("create", "-y", config=config()).returncode == 0
    before = len(arm.writes())
    refusal = {
        "error": {"code": "AuthorizationFailed", "message": "x does not have authorization to perform action 'a/b'"}
    }
    arm.faults = [Fault("GET", "/microsoft.compute/", 403, refusal, times=99)]
    path = config(aks={"workload_pool": {"vm_size": BIGGER}})
    assert mops_azure("create", "-y", "--allow-replace", config=path).returncode == 1
    assert len(arm.writes()) == before


QUOTA = {"code": "QuotaExceeded", "message": "exceeding approved Total Regional Cores quota"}


@pytest.mark.parametrize("failing", ["pool", "cluster"])
def test_a_pool_that_was_never_made_gets_another_size_without_the_cluster(arm: ArmServer, config, mops_azure, failing):
    """Added to a cluster that is well, or made with a cluster that failed because of it."""
    pools = [{"name": "workcpu"}, {"name": "big", "vm_size": BIGGER, "min": 1}]
    big = f"{CLUSTER}/agentpools/big"
    if failing == "pool":
        assert mops_azure("create", "-y", config=config()).returncode == 0
    arm.outcome[big if failing == "pool" else CLUSTER] = {"status": "Failed", "error": QUOTA}
    failed = mops_azure("create", "-y", config=config(aks={"workload_pools": pools}))
    assert failed.returncode == 1
    assert "Usage + quotas" in failed.stderr
    before = len(arm.writes())
    pools[1]["vm_size"] = "Standard_D4s_v5"
    path = config(aks={"workload_pools": pools})
    changed = mops_azure("create", "-y", config=path)
    assert changed.returncode == 0, changed.stderr
    sent = [(one.method, one.path.split("/")[-1]) for one in arm.writes()[before:]]
    assert sent == [("DELETE", "big"), *([("PUT", "modelops")] if failing == "cluster" else []), ("PUT", "big")]
    if failing == "cluster":
        (again,) = [one for one in arm.writes()[before:] if one.path.endswith("/modelops")]
        assert [pool["name"] for pool in again.body["properties"]["agentPoolProfiles"]] == ["system", "workcpu"]
    assert mops_azure("plan", "--detailed-exitcode", config=path).returncode == 0


def test_a_pool_that_failed_with_machines_in_it_is_only_replaced_when_allowed(arm: ArmServer, config, mops_azure):
    assert mops_azure("create", "-y", config=config(aks={"workload_pool": {"min": 1}})).returncode == 0
    cluster = arm.resources[CLUSTER]["properties"]
    pool = next(one for one in cluster["agentPoolProfiles"] if one["name"] == "workcpu")
    pool["provisioningState"] = "Failed"
    nodes = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/{cluster['nodeResourceGroup'].lower()}"
    kind = "Microsoft.Compute/virtualMachineScaleSets"
    machines = {"id": f"{nodes}/providers/{kind}/v", "name": "aks-workcpu-12345678-vmss", "type": kind}
    arm.resources[nodes] = {"id": nodes, "name": nodes.split("/")[-1], "properties": {}}
    arm.groups_members[nodes] = [machines]
    path = config(aks={"workload_pool": {"min": 1, "vm_size": BIGGER}})
    refused = mops_azure("create", "-y", config=path)
    assert refused.returncode == 2
    assert "pool workcpu would be deleted and made anew; say --allow-replace" in refused.stderr
    arm.groups_members[nodes] = []
    assert mops_azure("create", "-y", config=path).returncode == 0


def test_a_group_without_our_tags_is_refused(arm: ArmServer, config, mops_azure):
    id_ = GROUP
    arm.resources[id_] = {
        "id": id_,
        "name": "modelops-anna",
        "location": "eastus2",
        "properties": {"provisioningState": "Succeeded"},
    }
    refused = mops_azure("create", "-y", config=config())
    assert refused.returncode == 2
    assert "without the tag managedBy" in refused.stderr
    assert arm.writes() == []


def test_plan_against_a_file_needs_no_azure(config, mops_azure, tmp_path):
    (tmp_path / "nothing.json").write_text("[]")
    planned = mops_azure(
        "plan", "--against", "nothing.json", config=config(cloud="public"), env={"AZURE_CLIENT_SECRET": ""}
    )
    assert planned.returncode == 0, planned.stderr
    assert "Plan: 4 to create" in planned.stdout


def test_a_mistake_in_the_config_is_one_line_with_its_place(arm: ArmServer, config, mops_azure):
    wrong = mops_azure("plan", config=config(aks={"workload_pool": {"name": "workload-cpu"}}))
    assert wrong.returncode == 2
    assert "azure.yaml:" in wrong.stderr
    assert "lower-case letters" in wrong.stderr
    assert len(wrong.stderr.splitlines()) == 1
    assert arm.log == []


def test_the_system_pool_is_never_deleted_to_be_made_anew(arm: ArmServer, config, mops_azure):
    assert mops_azure("create", "-y", config=config()).returncode == 0
    before = len(arm.writes())
    path = config(aks={"system_pool": {"vm_size": "Standard_D8s_v5"}})
    refused = mops_azure("create", "-y", "--allow-replace", config=path)
    assert refused.returncode == 2
    assert "the system pool cannot be replaced" in refused.stderr
    assert len(arm.writes()) == before


def test_a_new_pool_is_added_beside_the_others(arm: ArmServer, config, mops_azure):
    assert mops_azure("create", "-y", config=config()).returncode == 0
    before = len(arm.writes())
    pools = [{"name": "workcpu"}, {"name": "gpu", "vm_size": "Standard_NC24ads_A100_v4", "gpu": True, "spot": True}]
    added = mops_azure("create", "-y", config=config(aks={"workload_pools": pools}))
    assert added.returncode == 0, added.stderr
    assert [one.path.split("/")[-1] for one in arm.writes()[before:]] == ["gpu"]
    assert mops_azure("plan", "--detailed-exitcode", config=config(aks={"workload_pools": pools})).returncode == 0


def test_a_version_goes_up_by_one_and_never_down(arm: ArmServer, config, mops_azure):
    assert mops_azure("create", "-y", config=config(aks={"version": "1.35"})).returncode == 0
    back = mops_azure("plan", config=config(aks={"version": "1.34.9"}))
    assert back.returncode == 2
    assert "never goes back" in back.stderr
    up = mops_azure("create", "-y", config=config(aks={"version": "1.36.2"}))
    assert up.returncode == 0, up.stderr
    assert "kubernetesVersion: 1.35 -> 1.36.2" in up.stdout
    pools = arm.resources[CLUSTER]["properties"]["agentPoolProfiles"]
    assert {pool["currentOrchestratorVersion"] for pool in pools} == {"1.36.2"}
    assert arm.invalid == []


def test_the_config_in_the_docs_is_valid():
    text = (Path(__file__).parents[2] / "docs" / "azure.md").read_text()
    examples = [part.split("```")[0] for part in text.split("```yaml\n")[1:]]
    examples = [example for example in examples if not example.startswith("serviceAccount:")]  # a chart's values
    assert len(examples) == 2
    config = AzureConfig.model_validate(YAML(typ="safe").load("".join(examples)))
    assert config.group_name == "modelops-anna"
    assert config.identity.enabled


def test_a_group_and_a_registry_are_never_deleted_to_be_made_anew(arm: ArmServer, config, mops_azure):
    made = {"acr": {"enabled": True}}
    assert mops_azure("create", "-y", config=config(**made)).returncode == 0
    before = len(arm.writes())
    moved = config(**made, location="westus2")
    refused = mops_azure("create", "-y", "--allow-replace", config=moved)
    assert refused.returncode == 2
    assert "resource group modelops-anna cannot change its location" in refused.stderr
    assert "mops-azure delete" in refused.stderr
    refused = mops_azure("registry", "create", "-y", config=moved)
    assert refused.returncode == 2
    assert "cannot change its location" in refused.stderr
    assert len(arm.writes()) == before


def test_what_the_config_no_longer_names_is_told(arm: ArmServer, config, mops_azure):
    assert mops_azure("create", "-y", config=config(lock=True, acr={"enabled": True})).returncode == 0
    unlocked = mops_azure("plan", "--detailed-exitcode", config=config(lock=False, acr={"enabled": True}))
    assert unlocked.returncode == 0
    assert "lock modelops-keep is still there" in unlocked.stdout
    renamed = config(lock=True, acr={"enabled": True}, aks={"name": "other"})
    assert (
        "clusters of ours that the config does not name go on, and cost: modelops"
        in mops_azure("plan", config=renamed).stdout
    )
    shown = mops_azure("status", config=renamed)
    assert "cluster: not there" in shown.stdout
    assert "cluster modelops: ours too" in shown.stdout
    assert "registry modelops" in shown.stdout


def test_a_stopped_cluster_is_not_called_ready(arm: ArmServer, config, mops_azure):
    assert mops_azure("create", "-y", config=config()).returncode == 0
    assert mops_azure("stop", config=config()).returncode == 0
    again = mops_azure("create", "-y", config=config(lock=True))
    assert again.returncode == 0, again.stderr
    assert "cluster modelops is stopped" in again.stdout
    assert "next: mops-azure start" in again.stdout


def test_a_wrong_option_is_no_change(config, mops_azure):
    assert mops_azure("plan", "--detailed-exitcode", "--nope", config=config()).returncode == 1
    assert mops_azure("plan", "--nope", config=config()).returncode == 2


@pytest.mark.parametrize(
    "one",
    [
        {"properties": 5},
        {"tags": [1]},
        {"properties": {"agentPoolProfiles": [{}]}},
        {"properties": {"agentPoolProfiles": 5}},
        {},
    ],
    ids=["properties", "tags", "pool", "pools", "bare"],
)
def test_a_file_that_is_not_as_azure_answers_is_one_line(config, mops_azure, tmp_path, one):
    tags = {"tags": {"managedBy": "modelops"}}
    (tmp_path / "live.json").write_text(json.dumps([{"id": GROUP, **tags}, {"id": CLUSTER, **tags, **one}]))
    planned = mops_azure("plan", "--against", "live.json", config=config(cloud="public"))
    assert "defect" not in planned.stderr
    if one:
        assert planned.returncode == 2
        assert "is not as ARM returns it" in planned.stderr


def test_a_place_that_cannot_be_written_is_one_line(arm: ArmServer, config, mops_azure, tmp_path):
    refused = mops_azure("plan", "--save-live", str(tmp_path), config=config())
    assert refused.returncode == 2
    assert "--save-live" in refused.stderr


def test_what_is_there_is_saved_for_the_owner_alone(arm: ArmServer, config, mops_azure, tmp_path):
    path, file = config(), tmp_path / "live.json"
    assert mops_azure("create", "-y", config=path).returncode == 0
    file.write_text("old")
    file.chmod(0o644)
    for name in ("live.json", "new.json"):
        saved = mops_azure("plan", "--save-live", name, config=path)
        assert saved.returncode == 0, saved.stderr
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        assert "Nothing to do" in mops_azure("plan", "--against", name, config=path).stdout
