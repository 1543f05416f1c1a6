"""An update leaves what it does not mention as it was: of the recorded clusters, and of every type that is sent."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from mops_azure import resources
from mops_azure.config import AzureConfig
from mops_azure.merge import merged
from mops_azure.resources.cluster import cluster, pools
from mops_azure.resources.group import group
from mops_azure.resources.kind import Resource
from mops_azure.resources.lock import lock
from mops_azure.resources.postgres import POSTGRES
from mops_azure.resources.registry import registry
from tests.azure import armtypes, read_only
from tests.azure.arm_server import SUBSCRIPTION, TENANT, ArmServer
from tests.azure.arm_shapes import type_of
from tests.azure.test_settled import pairs

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/modelops-anna"
CLUSTER = f"{GROUP}/providers/microsoft.containerservice/managedclusters/modelops"
CLUSTERS, POOLS = read_only.KINDS["cluster"], read_only.KINDS["pool"]
LOST = object()


def everything() -> list[Resource]:
    on: dict[str, dict[str, Any]] = {
        name: {"enabled": True} for name in ("acr", "postgres", "storage", "identity", "key_vault", "logs")
    }
    on["identity"] |= {"service_accounts": ["a:b"]}
    least = {"subscription_id": SUBSCRIPTION, "tenant_id": TENANT, "location": "eastus2", "username": "anna"}
    config = AzureConfig.model_validate({**least, **on})
    dependents = [one for one, _ in resources.dependent_resources(config, {})]
    whole = cluster(config, version=None, ssh_key=None)
    first = [group(config), registry(config), whole, *pools(config), lock(config)]
    return [*first, *resources.independent(config), *dependents]


EVERYTHING = {one.kind: one for one in everything()}


def test_the_table_of_what_azure_alone_writes_is_as_published():
    assert json.loads(read_only.TABLE.read_text()) == read_only.table(), "make it anew: python -m tests.azure.read_only"
    made = {kind: (type_of(one.id), one.api_version) for kind, one in EVERYTHING.items()}
    assert made == read_only.KINDS


def at(body: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            return LOST
    return body


def lost(type_: tuple[str, str], live: Any, body: Any, *, mentioned: Any = None) -> set[str]:
    """Properties that may be written and are not in `body` as they were, `mentioned` ones apart; a list of texts is one."""
    return {
        ".".join("[]" if isinstance(step, int) else step for step in path)
        for path, value in armtypes.writable_leaves(*type_, live)
        if at(body, path) != value and at(mentioned, path[:-1] if isinstance(path[-1], int) else path) is LOST
    }


def settled() -> list[Any]:
    return [one["settled"] for one in pairs()]


def test_a_change_of_one_tag_keeps_every_setting_of_every_settled_cluster():
    found: set[str] = set()
    for live in settled():
        tagged = {"tags": {**(live.get("tags") or {}), "cost": "new"}}
        body = merged(Resource(kind="cluster", name="c", id=live["id"], api_version=CLUSTERS[1], body=tagged), live)
        found |= lost(CLUSTERS, live, body)
        assert body["tags"]["cost"] == "new"
        wrong = armtypes.mistakes(*CLUSTERS, body)
        assert not [one for one in wrong if one.endswith(("read-only", "an empty item", "and empty"))]
    assert len(settled()) > 450
    assert found == set()


def test_a_request_sent_again_keeps_what_it_does_not_mention():
    """Lists of mappings too: an item that is asked for keeps what Azure has of it."""
    found: set[str] = set()
    for pair in pairs():
        live, asked = pair["settled"], {key: one for key, one in pair["request"].items() if key != "sku"}
        body = merged(Resource(kind="cluster", name="c", id=live["id"], api_version=CLUSTERS[1], body=asked), live)
        found |= lost(CLUSTERS, live, body, mentioned=asked)
    assert found == set()


def test_a_change_of_one_label_keeps_every_setting_of_every_settled_pool():
    found: set[str] = set()
    for live in settled():
        for pool in live["properties"].get("agentPoolProfiles") or []:
            labelled = {"properties": {"nodeLabels": {**(pool.get("nodeLabels") or {}), "a": "b"}}}
            resource = Resource(kind="pool", name=pool["name"], id="", api_version=POOLS[1], body=labelled)
            body = merged(resource, {"name": pool["name"], "properties": pool})
            shown = {"properties": {key: one for key, one in pool.items() if key != "name"}}
            found |= lost(POOLS, shown, body)
            assert "name" not in body["properties"]
    assert found == set()


@pytest.mark.parametrize("kind", read_only.KINDS)
def test_an_update_of_any_kind_keeps_all_that_may_be_written_and_sends_nothing_else(kind: str):
    """Every property that the published type has is there, and a tag called `name`."""
    type_ = read_only.KINDS[kind]
    live = armtypes.whole(*type_)
    resource = Resource(kind=kind, name="x", id=EVERYTHING[kind].id, api_version=type_[1], body={"properties": {}})
    before = deepcopy(live)
    body = merged(resource, live)
    assert live == before
    gone = lost(type_, live, body)
    assert gone - {"etag"} == set()
    assert not [
        one for one in armtypes.mistakes(*type_, body) if one.endswith(("read-only", "empty item", "and empty"))
    ]
    asked = EVERYTHING[kind]
    both = merged(asked, live)
    assert lost(type_, live, both, mentioned=asked.body) - {"etag", "properties.storage.iops"} == set()


def test_of_what_azure_alone_writes_nothing_is_left_behind():
    live = {"properties": {"a": 1, "networkProfile": {"loadBalancerProfile": {"effectiveOutboundIPs": [{"id": "x"}]}}}}
    live["identity"] = {
        "type": "UserAssigned",
        "userAssignedIdentities": {"/id": {"clientId": "x", "principalId": "y"}},
    }
    live["properties"]["privateLinkResources"] = [
        {"privateLinkServiceID": "x"},
        {"id": "y", "privateLinkServiceID": "x"},
    ]
    body = merged(Resource(kind="cluster", name="c", id="", api_version=CLUSTERS[1], body={}), live)
    assert body == {
        "properties": {"a": 1, "privateLinkResources": [{"id": "y"}]},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {"/id": {}}},
    }


@pytest.mark.parametrize(
    ("had", "asked", "sent"),
    [
        ({"storageSizeGB": 64, "tier": "P6", "iops": 240}, 32, {"storageSizeGB": 64, "tier": "P6", "iops": 240}),
        ({"storageSizeGB": 32, "tier": "P20", "iops": 2300}, 32, {"storageSizeGB": 32, "tier": "P20", "iops": 2300}),
        ({"storageSizeGB": 32, "tier": "P4", "iops": 120}, 64, {"storageSizeGB": 64}),
        ({"storageSizeGB": 32, "tier": "P20", "iops": 2300}, 64, {"storageSizeGB": 64, "tier": "P20"}),
    ],
    ids=["grown", "faster", "larger", "faster and larger"],
)
def test_a_databases_disk_never_shrinks_and_is_never_slower_than_its_size(had, asked, sent):
    body = {"properties": {"storage": {"storageSizeGB": asked, "autoGrow": "Enabled"}}}
    resource = Resource(kind="database server", name="d", id="", api_version=POSTGRES, body=body)
    found = merged(resource, {"properties": {"storage": {**had, "type": "Premium_LRS"}}})
    assert found["properties"]["storage"] == {**sent, "autoGrow": "Enabled", "type": "Premium_LRS"}


def test_what_somebody_set_on_a_part_by_hand_stays():
    account = EVERYTHING["storage account"]
    rules = {"defaultAction": "Deny", "ipRules": [{"value": "192.0.2.1"}]}
    live = {
        **account.body,
        "id": account.id,
        "name": account.name,
        "type": "Microsoft.Storage/storageAccounts",
        "sku": {"name": "Standard_LRS", "tier": "Standard"},
        "properties": {"networkAcls": rules, "provisioningState": "Succeeded", "allowBlobPublicAccess": True},
    }
    body = merged(account, live)
    assert body["properties"]["networkAcls"] == rules
    assert body["properties"]["allowBlobPublicAccess"] is False
    assert armtypes.mistakes(type_of(account.id), account.api_version, body) == []


BY_HAND = {
    "networkProfile": {
        "loadBalancerProfile": {"outboundIPs": {"publicIPs": [{"id": "/subscriptions/s/publicIPAddresses/ours"}]}},
        "advancedNetworking": {"enabled": True, "security": {"transitEncryption": {"type": "WireGuard"}}},
    },
    "aadProfile": {"managed": True, "tenantID": TENANT},
    "podIdentityProfile": {
        "enabled": True,
        "userAssignedIdentities": [
            {"name": "reader", "namespace": "runs", "identity": {"clientId": "c", "objectId": "o", "resourceId": "/r"}}
        ],
    },
    "windowsProfile": {"adminUsername": "azureuser"},
    "identityProfile": {"kubeletidentity": {"clientId": "c", "objectId": "our-own", "resourceId": "/r"}},
    "supportPlan": "AKSLongTermSupport",
}


def with_by_hand(live: Any, by_hand: Any) -> Any:
    if not isinstance(live, dict) or not isinstance(by_hand, dict):
        return by_hand
    return {**live, **{key: with_by_hand(live.get(key), one) for key, one in by_hand.items()}}


def test_what_was_set_on_a_cluster_by_hand_is_there_after_a_change_of_one_tag(arm: ArmServer, config, shipped):
    """A PUT without a property takes it away: the loopback makes the cluster from what it is sent alone."""
    made = shipped("create", "-y", config=config())
    assert made.returncode == 0, made.stderr
    cluster = arm.resources[CLUSTER]
    cluster["properties"] = with_by_hand(cluster["properties"], BY_HAND)
    before = deepcopy(cluster)
    changed = shipped("create", "-y", config=config(tags={"project": "another"}))
    assert changed.returncode == 0, changed.stderr
    assert "tags.project: modelops -> another" in changed.stdout
    after = arm.resources[CLUSTER]
    assert after["tags"]["project"] == "another"
    assert lost(CLUSTERS, before, after) - {"tags.project", "properties.agentPoolProfiles.[].tags.project"} == set()
    assert arm.invalid == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda properties: properties["linuxProfile"]["ssh"].update(publicKeys=[{}]), "an empty item"),
        (lambda properties: properties["agentPoolProfiles"][0].update(name=""), "required, and empty"),
    ],
    ids=["[{}]", "name"],
)
def test_the_loopback_refuses_what_a_clumsy_update_would_send(arm: ArmServer, spoil, said):
    group, cluster = EVERYTHING["resource group"], EVERYTHING["cluster"]
    version = {"api-version": [group.api_version]}
    assert arm.handle("PUT", group.id, version, group.body, {})[0] == 201
    body = deepcopy(cluster.body)
    body["properties"]["linuxProfile"] = {"adminUsername": "a", "ssh": {"publicKeys": [{"keyData": "k"}]}}
    spoil(body["properties"])
    status, answer, _ = arm.handle("PUT", cluster.id, {"api-version": [cluster.api_version]}, body, {})
    assert status == 400
    assert said in answer["error"]["message"]


def test_the_loopback_gives_a_pool_no_type_that_it_was_not_told(arm: ArmServer):
    group, cluster = EVERYTHING["resource group"], deepcopy(EVERYTHING["cluster"])
    assert arm.handle("PUT", group.id, {"api-version": [group.api_version]}, group.body, {})[0] == 201
    for pool in cluster.body["properties"]["agentPoolProfiles"]:
        del pool["type"]
    status, answer, _ = arm.handle("PUT", cluster.id, {"api-version": [cluster.api_version]}, cluster.body, {})
    assert status == 201
    assert all("type" not in pool for pool in answer["properties"]["agentPoolProfiles"])
