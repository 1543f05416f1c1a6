"""`plan` and `create` against the loopback Azure."""

from __future__ import annotations

import json
from pathlib import Path

from ruamel.yaml import YAML

from mops_azure.config import AzureConfig
from tests.azure.arm_server import SECRET, SUBSCRIPTION, ArmServer

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
