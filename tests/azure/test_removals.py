"""What is taken out of the config, or put beside it by hand, shows: of everything that the config can say."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from pydantic import BaseModel

from mops_azure.config import AzureConfig
from mops_azure.plan import Plan, make_plan
from mops_azure.resources.cluster import cluster_id, outbound_ids
from mops_azure.resources.group import GROUPS, group_id
from mops_azure.resources.node_pool import usual_disks
from tests.azure.arm_http import Fault
from tests.azure.arm_parts import address
from tests.azure.arm_server import SUBSCRIPTION, TENANT, ArmServer
from tests.azure.test_parts import ADMIN

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/modelops-anna"
CLUSTER = f"{GROUP}/providers/microsoft.containerservice/managedclusters/modelops"
LEAST = {"subscription_id": SUBSCRIPTION, "tenant_id": TENANT, "location": "eastus2", "username": "anna"}
SUBNET = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/v/subnets/s"
ON = {"enabled": True}
PARTS: dict[str, Any] = dict.fromkeys(("acr", "postgres", "storage", "identity", "key_vault", "logs"), ON)

SHOWN: dict[str, tuple[Any, Any, str]] = {
    "aks.name": ({"aks": {"name": "other"}}, {}, "note: clusters of ours that the config does not name go on, and cost: other"),
    "aks.tier": ({"aks": {"tier": "Standard"}}, {}, "cluster modelops: sku.tier"),
    "aks.system_pool.vm_size": ({"aks": {"system_pool": {"vm_size": "Standard_D8s_v5"}}}, {}, "pool system: properties.vmSize"),
    "aks.system_pool.min": ({"aks": {"system_pool": {"min": 2}}}, {}, "pool system: properties.minCount"),
    "aks.system_pool.max": ({"aks": {"system_pool": {"max": 4}}}, {}, "pool system: properties.maxCount"),
    "aks.system_pool.zones": ({"aks": {"system_pool": {"zones": ["1"]}}}, {}, "pool system: properties.availabilityZones"),
    "aks.workload_pools[].name": (
        {"aks": {"workload_pools": [{}, {"name": "extra"}]}}, {},
        "note: pools that the config does not name are left alone: extra",
    ),
    "aks.workload_pools[].vm_size": (
        {"aks": {"workload_pools": [{"vm_size": "Standard_E4s_v5"}]}}, {}, "pool workcpu: properties.vmSize",
    ),
    "aks.workload_pools[].min": ({"aks": {"workload_pools": [{"min": 1}]}}, {}, "pool workcpu: properties.minCount"),
    "aks.workload_pools[].max": ({"aks": {"workload_pools": [{"max": 9}]}}, {}, "pool workcpu: properties.maxCount"),
    "aks.workload_pools[].labels": (
        {"aks": {"workload_pools": [{"labels": {"example.org/a": "B"}}]}}, {},
        "pool workcpu: properties.nodeLabels.example.org/a",
    ),
    "aks.workload_pools[].taints": (
        {"aks": {"workload_pools": [{"taints": ["a=b:NoSchedule"]}]}}, {}, "pool workcpu: properties.nodeTaints",
    ),
    "aks.workload_pools[].spot": (
        {"aks": {"workload_pools": [{"spot": True}]}}, {}, "pool workcpu: properties.scaleSetPriority",
    ),
    "aks.workload_pools[].zones": (
        {"aks": {"workload_pools": [{"zones": ["1"]}]}}, {}, "pool workcpu: properties.availabilityZones",
    ),
    "aks.workload_pools[].gpu": ({"aks": {"workload_pools": [{"gpu": True}]}}, {}, "pool workcpu: properties.nodeTaints"),
    "aks.workload_pools[].os_disk_gb": (
        {"aks": {"workload_pools": [{"os_disk_gb": 300}]}}, {}, "pool workcpu: properties.osDiskSizeGB",
    ),
    "acr.enabled": ({"acr": ON}, {}, "is still there, and billed: acr is off in the config"),
    "acr.name": ({"acr": {**ON, "name": "annaimages"}}, {"acr": ON}, "registry annaimages is still there, and billed"),
    "acr.sku": ({"acr": {**ON, "sku": "Premium"}}, {"acr": ON}, "sku.name"),
    "acr.resource_group": (
        {"acr": {**ON, "resource_group": "images"}}, {"acr": ON}, "resource group modelops-anna-registry: new",
    ),
    "postgres.enabled": ({"postgres": ON}, {}, "is still there, and billed: postgres is off in the config"),
    "postgres.name": (
        {"postgres": {**ON, "name": "anna-db"}}, {"postgres": ON}, "database server anna-db is still there, and billed",
    ),
    "postgres.version": ({"postgres": {**ON, "version": "18"}}, {"postgres": ON}, "properties.version"),
    "postgres.vm_size": ({"postgres": {**ON, "vm_size": "Standard_D2ds_v5"}}, {"postgres": ON}, "sku.name"),
    "postgres.backup_days": ({"postgres": {**ON, "backup_days": 9}}, {"postgres": ON}, "properties.backup.backupRetentionDays"),
    "postgres.database": ({"postgres": {**ON, "database": "other"}}, {"postgres": ON}, "database modelops: new"),
    "postgres.admin": ({"postgres": {**ON, "admin": "anna"}}, {"postgres": ON}, "properties.administratorLogin"),
    "storage.enabled": ({"storage": ON}, {}, "is still there, and billed: storage is off in the config"),
    "storage.name": (
        {"storage": {**ON, "name": "annastore"}}, {"storage": ON}, "storage account annastore is still there, and billed",
    ),
    "storage.container": ({"storage": {**ON, "container": "other"}}, {"storage": ON}, "container modelops: new"),
    "storage.redundancy": ({"storage": {**ON, "redundancy": "GRS"}}, {"storage": ON}, "sku.name"),
    "identity.enabled": ({"identity": ON}, {}, "identity modelops is still there: identity is off in the config"),
    "identity.name": (
        {"identity": {**ON, "name": "other"}}, {"identity": ON}, "identity other is still there: the config names another",
    ),
    "identity.service_accounts": (
        {"identity": {**ON, "service_accounts": ["a:b"]}}, {"identity": ON}, "federated credential a-b-",
    ),
    "key_vault.enabled": (
        {"key_vault": ON}, {}, "cluster modelops: properties.addonProfiles.azureKeyvaultSecretsProvider.enabled",
    ),
    "key_vault.name": (
        {"key_vault": {**ON, "name": "anna-vault"}}, {"key_vault": ON}, "key vault anna-vault is still there, and billed",
    ),
    "key_vault.keep_deleted_days": (
        {"key_vault": {**ON, "keep_deleted_days": 30}}, {"key_vault": ON},
        "keeps softDeleteRetentionInDays 30: Azure never changes it",
    ),
    "logs.enabled": ({"logs": ON}, {}, "log workspace modelops is still there, and billed: logs is off in the config"),
    "logs.name": ({"logs": {**ON, "name": "other"}}, {"logs": ON}, "log workspace other is still there, and billed"),
    "logs.retention_days": ({"logs": {**ON, "retention_days": 90}}, {"logs": ON}, "properties.retentionInDays"),
    "tags.project": ({"tags": {"project": "x"}}, {}, "cluster modelops: tags.project"),
    "tags.env": ({"tags": {"env": "prod"}}, {}, "resource group modelops-anna: tags.env"),
    "tags.owner": ({"tags": {"owner": "x"}}, {}, "pool workcpu: properties.tags.owner"),
    "tags.costCenter": ({"tags": {"costCenter": "42"}}, {}, "cluster modelops: tags.costCenter"),
    "network.pod_cidr": ({"network": {"pod_cidr": "10.200.0.0/16"}}, {}, "properties.networkProfile.podCidr"),
    "network.service_cidr": ({"network": {"service_cidr": "10.1.0.0/16"}}, {}, "properties.networkProfile.serviceCidr"),
    "network.subnet_id": ({"network": {"subnet_id": SUBNET}}, {}, "pool workcpu: properties.vnetSubnetID"),
    "network.authorized_ip_ranges": (
        {"network": {"authorized_ip_ranges": ["192.0.2.0/24"]}}, {}, "properties.apiServerAccessProfile.authorizedIPRanges",
    ),
    "lock": ({"lock": True}, {}, "note: lock modelops-keep is still there"),
}  # fmt: skip
"""What the config can say -> a config that says it, one that does not, and what the plan for the second then tells."""

SAYS_NOTHING_OF_WHAT_IS_THERE = {
    "version": "of the file",
    "subscription_id": "where",
    "tenant_id": "where",
    "location": "must be said",
    "resource_group": "where",
    "username": "where",
    "aks.version": "left out, the version that runs stays",
    "postgres.storage_gb": "a disk grows, and never shrinks",
    "postgres.password_env": "never in Azure's answers",
    "postgres.password_file": "never in Azure's answers",
    "postgres.ca_file": "here alone",
    "prices": "here alone",
    "auth.method": "here alone",
    "auth.client_id": "here alone",
    "auth.client_secret_env": "here alone",
    "auth.client_secret_file": "here alone",
    "ssh.source": "left out, the key that is there stays",
    "ssh.path": "left out, the key that is there stays",
    "ssh.variable": "left out, the key that is there stays",
    "cloud.resource_manager": "where",
    "cloud.authority": "where",
}


def leaves(model: type[BaseModel], path: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = list(_models(field.annotation))
        is_list = "list[" in str(field.annotation) and inner
        if name == "workload_pool":
            continue  # short for one of workload_pools
        if not inner:
            yield f"{path}{name}"
        for one in inner:
            yield from leaves(one, f"{path}{name}{'[]' if is_list else ''}.")


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for one in typing.get_args(annotation):
        yield from _models(one)


def test_everything_that_the_config_can_say_is_taken_out_here_once():
    assert sorted(leaves(AzureConfig)) == sorted([*SHOWN, *SAYS_NOTHING_OF_WHAT_IS_THERE])


def of(content: dict[str, Any]) -> AzureConfig:
    return AzureConfig.model_validate({**LEAST, **deepcopy(content)})


def plan_for(config: AzureConfig, azure: ArmServer) -> Plan:
    cluster = azure.resources.get(cluster_id(config).lower())
    seen = {**azure.resources, **{id_.lower(): address(id_) for id_ in outbound_ids(cluster)}}
    return make_plan(
        config, seen, version="1.35.6", ssh_key="ssh-rsa AAAA x", secrets={"database server": "Never-shown-42"}
    )


def carry_out(config: AzureConfig, azure: ArmServer) -> None:
    """Step by step, as `create` does, without its waiting."""
    for _ in range(60):
        steps = [one for one in plan_for(config, azure).changes if not one.note.startswith(("with the", "once"))]
        if not steps:
            return
        resource, version = steps[0].resource, {"api-version": [steps[0].resource.api_version]}
        if steps[0].action in ("replace", "delete"):
            status, answer, _ = azure.handle("DELETE", resource.id, version, None, {})
        else:
            status, answer, _ = azure.handle("PUT", resource.id, version, steps[0].body, {})
        assert status < 300, answer
        for _ in range(6):  # each request is a tick, and the work needs some
            azure.handle("GET", group_id(config), {"api-version": [GROUPS]}, None, {})
    pytest.fail(f"the plan never becomes empty: {told(plan_for(config, azure))}")


def told(plan: Plan) -> list[str]:
    new = [f"{one.resource.kind} {one.resource.name}: new" for one in plan.changes if one.action == "create"]
    gone = [f"{one.resource.kind} {one.resource.name}: deleted" for one in plan.changes if one.action == "delete"]
    differences = [
        f"{one.resource.kind} {one.resource.name}: {diff.path}" for one in plan.changes for diff in one.differences
    ]
    return [*new, *gone, *differences, *(f"note: {note}" for note in plan.notes)]


@pytest.fixture
def azure(certificate: tuple[str, str]) -> ArmServer:
    server = ArmServer(*certificate)
    server.http.server_close()
    server.polls, server.servers_hidden = 0, False
    return server


@pytest.mark.parametrize("said", SHOWN)
def test_what_is_taken_out_of_the_config_shows_and_a_second_plan_is_empty(azure: ArmServer, said: str):
    with_it, without_it, line = SHOWN[said]
    carry_out(of(with_it), azure)
    assert not [one for one in told(plan_for(of(with_it), azure)) if line in one]
    plan = plan_for(of(without_it), azure)
    assert [one for one in told(plan) if line in one], told(plan)
    if any(one.action == "replace" and one.resource.name != "workcpu" for one in plan.changes):
        return  # refused, or made anew as a whole
    carry_out(of(without_it), azure)
    assert azure.invalid == []


BY_HAND = {
    "a label": ("nodeLabels", {"team": "x"}, "pool workcpu: properties.nodeLabels.team"),
    "a taint": ("nodeTaints", ["team=x:NoSchedule"], "pool workcpu: properties.nodeTaints"),
    "a tag of the nodes": ("tags", {"team": "x"}, "pool workcpu: properties.tags.team"),
}


@pytest.mark.parametrize("what", BY_HAND)
def test_what_is_put_on_a_pool_by_hand_shows_and_goes(azure: ArmServer, what: str):
    config = of({})
    carry_out(config, azure)
    name, value, line = BY_HAND[what]
    (pool,) = [one for one in azure.resources[CLUSTER]["properties"]["agentPoolProfiles"] if one["name"] == "workcpu"]
    pool[name] = {**pool.get(name, {}), **value} if isinstance(value, dict) else [*pool.get(name, []), *value]
    assert line in told(plan_for(config, azure))
    carry_out(config, azure)
    (pool,) = [one for one in azure.resources[CLUSTER]["properties"]["agentPoolProfiles"] if one["name"] == "workcpu"]
    assert "team" not in json.dumps(pool)


@pytest.mark.parametrize(
    "kind",
    [
        "resource group",
        "cluster",
        "registry",
        "storage account",
        "key vault",
        "log workspace",
        "identity",
        "database server",
    ],
)
def test_a_tag_put_on_anything_by_hand_shows_and_goes_but_for_azures_own(azure: ArmServer, kind: str):
    config = of(PARTS)
    carry_out(config, azure)
    (id_,) = {one.resource.id.lower() for one in plan_for(config, azure).steps if one.resource.kind == kind} - {
        f"{GROUP}-registry"
    }
    azure.resources[id_]["tags"] |= {"Team": "x", "hidden-link:/app": "Resource", "aks-managed-x": "1"}
    assert [one for one in told(plan_for(config, azure)) if "tags" in one] == [
        f"{kind} {azure.resources[id_]['name']}: tags.Team"
    ]
    carry_out(config, azure)
    tags = azure.resources[id_]["tags"]
    assert "Team" not in tags
    assert {"hidden-link:/app", "aks-managed-x", "managedBy"} <= tags.keys()
    assert azure.invalid == []


def test_case_counts_in_labels_taints_and_tags(azure: ArmServer):
    pool = {"labels": {"a": "B"}, "taints": ["a=B:NoSchedule"]}
    carry_out(of({"aks": {"workload_pool": pool}, "tags": {"costCenter": "x"}}), azure)
    other = of(
        {"aks": {"workload_pool": {"labels": {"a": "b"}, "taints": ["a=b:NoSchedule"]}}, "tags": {"costCenter": "X"}}
    )
    lines = told(plan_for(other, azure))
    assert {
        "pool workcpu: properties.nodeLabels.a",
        "pool workcpu: properties.nodeTaints",
        "cluster modelops: tags.costCenter",
    } <= set(lines)
    carry_out(other, azure)


def test_what_azure_puts_there_itself_is_no_difference(azure: ArmServer):
    ranges = {"network": {"authorized_ip_ranges": ["192.0.2.7/32"]}}
    config = of({"aks": {"workload_pool": {"spot": True}}, **ranges})
    carry_out(config, azure)
    cluster = azure.resources[CLUSTER]
    cluster["properties"]["apiServerAccessProfile"]["authorizedIPRanges"] = ["192.0.2.7"]
    for pool in cluster["properties"]["agentPoolProfiles"]:
        pool["nodeLabels"]["kubernetes.azure.com/mode"] = "system"
        if pool["name"] == "system":
            pool["nodeTaints"] = ["CriticalAddonsOnly=true:NoSchedule"]
    assert told(plan_for(config, azure)) == []
    more = of(
        {
            "aks": {"workload_pool": {"spot": True}, "system_pool": {"max": 5}},
            "network": {"authorized_ip_ranges": ["192.0.2.7/32"]},
        }
    )
    carry_out(more, azure)
    (system,) = [one for one in azure.resources[CLUSTER]["properties"]["agentPoolProfiles"] if one["name"] == "system"]
    assert system["nodeTaints"] == ["CriticalAddonsOnly=true:NoSchedule"]


def test_an_address_let_in_to_the_database_by_hand_shows_and_goes(azure: ArmServer):
    config = of({"postgres": ON})
    carry_out(config, azure)
    server = next(one["id"] for one in azure.resources.values() if one["type"].lower().endswith("flexibleservers"))
    rule = f"{server}/firewallRules/everybody"
    azure.resources[rule.lower()] = {
        "id": rule,
        "name": "everybody",
        "type": "x",
        "properties": {"startIpAddress": "0.0.0.0"},
    }
    assert "firewall rule everybody: deleted" in told(plan_for(config, azure))
    carry_out(config, azure)
    assert rule.lower() not in azure.resources


def test_the_usual_disk_is_known_by_the_cores_alone():
    assert usual_disks("Standard_D4s_v5") == [128, 128]
    assert usual_disks("Standard_D8s_v5") == [128, 256]
    assert usual_disks("Standard_NC24ads_A100_v4") == [128, 512]
    assert usual_disks("Standard_DS4_v2") == usual_disks("Standard_E4-2s_v5") == []


def test_a_user_sees_what_was_taken_out_and_create_takes_it_out(arm: ArmServer, config, mops_azure):
    pool = {"labels": {"team": "x"}, "taints": ["a=b:NoSchedule"]}
    full = config(
        aks={"workload_pool": pool}, tags={"costCenter": "42"}, network={"authorized_ip_ranges": ["192.0.2.0/24"]}
    )
    assert mops_azure("create", "-y", config=full).returncode == 0
    assert mops_azure("plan", "--detailed-exitcode", config=full).returncode == 0
    planned = mops_azure("plan", "--detailed-exitcode", config=config())
    assert planned.returncode == 2
    for line in (
        "nodeLabels.team: x -> none",
        'nodeTaints: ["a=b:NoSchedule"] -> none',
        "tags.costCenter: 42 -> none",
        'apiServerAccessProfile.authorizedIPRanges: ["192.0.2.0/24"] -> none',
    ):
        assert line in planned.stdout
    done = mops_azure("create", "-y", config=config())
    assert done.returncode == 0, done.stderr
    assert mops_azure("plan", "--detailed-exitcode", config=config()).returncode == 0
    assert "192.0.2.0" not in json.dumps(arm.resources)
    assert arm.invalid == []


BILLED = {
    "acr": "registry", "postgres": "database server", "storage": "storage account",
    "key_vault": "key vault", "logs": "log workspace",
}  # fmt: skip


def test_parts_that_are_switched_off_are_named_in_plan_and_status(arm: ArmServer, config, mops_azure):
    named = {**PARTS, "storage": {**ON, "name": "annastore"}}
    assert mops_azure("create", "-y", config=config(**named), env=ADMIN).returncode == 0
    shown = mops_azure("status", config=config(**named)).stdout
    for line in (
        "database server modelops-anna-",
        ": Ready\n",
        "storage account annastore: Succeeded",
        "identity modelops: ",
        "log workspace modelops: ",
    ):
        assert line in shown
    off = config()
    planned = mops_azure("plan", config=off)
    assert planned.returncode == 0, planned.stderr
    shown = mops_azure("status", config=off).stdout
    for section, kind in BILLED.items():
        said = f"still there, and billed: {section} is off in the config"
        (note,) = [one for one in planned.stdout.splitlines() if said in one]
        assert note.startswith(f"note: {kind} ")
        assert "`az resource delete --ids /subscriptions/" in note
        (line,) = [one for one in shown.splitlines() if said in one]
        assert line.startswith(f"{kind} ")
    facts = json.loads(mops_azure("status", "--json", config=off).stdout)["parts"]
    assert {one["kind"] for one in facts if one["left_over"]} == {*BILLED.values(), "identity"}


REFUSAL = {"error": {"code": "AuthorizationFailed", "message": "The client does not have authorization."}}


def test_who_may_not_look_into_the_registrys_group_need_not(arm: ArmServer, config, mops_azure):
    arm.faults = [Fault("GET", "/modelops-anna-registry/", 403, REFUSAL, times=99)]
    for command in ("plan", "status"):
        shown = mops_azure(command, config=config())
        assert shown.returncode == 0, shown.stderr
        assert "AuthorizationFailed" not in shown.stdout
        shown = mops_azure(command, config=config(acr=ON))
        assert shown.returncode == 0, shown.stderr
        (note,) = [one for one in shown.stdout.splitlines() if "AuthorizationFailed" in one]
        assert note.startswith("note: reading resources of modelops-anna-registry: ")


def test_who_may_not_list_the_group_makes_all_and_is_told(arm: ArmServer, config, mops_azure):
    path = config(storage=ON)
    arm.faults = [Fault("GET", "/modelops-anna/resources$", 403, REFUSAL, times=99)]
    done = mops_azure("create", "-y", config=path)
    assert done.returncode == 0, done.stderr
    shown = [mops_azure(one, config=path).stdout for one in ("create", "plan", "status")]
    for said in shown:
        (note,) = [one for one in said.splitlines() if "AuthorizationFailed" in one]
        assert note.startswith("note: reading resources of modelops-anna: ")
    assert mops_azure("plan", "--detailed-exitcode", config=path).returncode == 0
    assert json.loads(mops_azure("status", "--json", config=path).stdout)["notes"]


def test_rules_that_may_not_be_read_are_left_alone(arm: ArmServer, config, mops_azure):
    """Whether a rule is among those that nobody lists is not known, so none is made and none is deleted."""
    assert mops_azure("create", "-y", config=config(postgres=ON), env=ADMIN).returncode == 0
    rules = {key for key in arm.resources if "/firewallrules/" in key}
    before = len(arm.writes())
    arm.faults = [Fault("GET", "/firewallrules", 403, REFUSAL, times=99)]
    done = mops_azure("create", "-y", config=config(postgres=ON, storage=ON))
    assert done.returncode == 1
    assert "reading firewallRules of " in done.stderr
    assert not any("/firewallrules/" in one.path.lower() for one in arm.writes()[before:])
    assert any("/storageaccounts/" in one.path.lower() for one in arm.writes()[before:])
    assert {key for key in arm.resources if "/firewallrules/" in key} == rules


def test_status_does_not_call_absent_what_it_may_not_read(arm: ArmServer, config, mops_azure):
    path = config(storage=ON)
    assert mops_azure("create", "-y", config=path).returncode == 0
    arm.faults = [Fault("GET", "/storageaccounts/", 403, REFUSAL, times=99)]
    shown = mops_azure("status", config=path)
    assert shown.returncode == 0, shown.stderr
    (line,) = [one for one in shown.stdout.splitlines() if one.startswith("storage account ")]
    assert line.endswith(": may not be read")


def test_a_rule_that_may_not_be_deleted_is_told_with_the_right_that_is_missing(arm: ArmServer, config, mops_azure):
    assert mops_azure("create", "-y", config=config(postgres=ON), env=ADMIN).returncode == 0
    own = next(key for key in arm.resources if "/firewallrules/" in key)
    id_ = arm.resources[own]["id"].rpartition("/")[0] + "/office"
    arm.resources[id_.lower()] = {**arm.resources[own], "id": id_, "name": "office"}
    arm.faults = [Fault("DELETE", "/firewallrules/", 403, REFUSAL, times=99)]
    done = mops_azure("create", "-y", config=config(postgres=ON, lock=True))
    assert done.returncode == 1
    assert "[it needs Microsoft.DBforPostgreSQL/flexibleServers/firewallRules/delete]" in done.stderr
    assert f"{GROUP}/providers/microsoft.authorization/locks/modelops-keep" in arm.resources


def test_a_group_that_is_being_deleted_is_named_and_create_waits_and_makes_it_anew(arm: ArmServer, config, mops_azure):
    path = config(logs=ON)
    assert mops_azure("create", "-y", config=path).returncode == 0
    arm.polls = 20
    status, _, _ = arm.handle("DELETE", GROUP, {"api-version": ["2025-04-01"]}, None, {})
    assert status == 202
    planned = mops_azure("plan", config=path)
    assert planned.returncode == 0, planned.stderr
    assert "note: resource group modelops-anna is being deleted; `create` waits until it is gone" in planned.stdout
    assert "+ resource group modelops-anna" in planned.stdout
    assert "resource group modelops-anna: being deleted" in mops_azure("status", config=path).stdout
    (deletion,) = [one for one in arm.operations.values() if one["kind"] == "delete"]
    deletion["last"], arm.polls = deletion["ticks"] + 22, 1
    done = mops_azure("create", "-y", config=path)
    assert done.returncode == 0, done.stderr
    assert "modelops-anna: Deleting" in done.stderr
    assert arm.resources[CLUSTER]["properties"]["provisioningState"] == "Succeeded"
    assert mops_azure("plan", "--detailed-exitcode", config=path).returncode == 0


def test_a_tag_that_a_policy_puts_back_is_told_once_and_stops_nothing(arm: ArmServer, config, mops_azure):
    assert mops_azure("create", "-y", config=config()).returncode == 0

    def policy(_number: int) -> None:
        arm.resources[GROUP]["tags"]["dataClass"] = "public"

    arm.on_request = policy
    policy(0)
    done = mops_azure("create", "-y", config=config(lock=True))
    assert done.returncode == 0, done.stderr
    assert "tags.dataClass: public -> none" in done.stdout
    assert done.stderr.count("resource group modelops-anna: tags.dataClass came back, as by a policy of Azure's") == 1
    assert f"{GROUP}/providers/microsoft.authorization/locks/modelops-keep" in arm.resources
