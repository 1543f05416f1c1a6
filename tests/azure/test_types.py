"""Every body that any config can lead to passes Azure's published types; seeded mistakes do not."""

from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mops_azure import desired
from mops_azure.config import AzureConfig
from mops_azure.plan import make_plan
from tests.azure import armtypes, settle
from tests.azure.arm_server import TENANT
from tests.azure.arm_shapes import LATEST, SUBSCRIPTION, type_of

sizes = st.sampled_from(["Standard_D4s_v5", "Standard_E8s_v5", "Standard_NC24ads_A100_v4"])
zones = st.lists(st.sampled_from(["1", "2", "3"]), unique=True)
labels = st.dictionaries(
    st.from_regex(r"[a-z]{1,10}", fullmatch=True), st.from_regex(r"[a-z0-9]{0,10}", fullmatch=True), max_size=3
)


@st.composite
def pools(draw: st.DrawFn) -> dict:
    low = draw(st.integers(0, 20))
    return {
        "name": draw(st.from_regex(r"[a-z][a-z0-9]{0,11}", fullmatch=True).filter(lambda name: name != "system")),
        "vm_size": draw(sizes),
        "min": low,
        "max": low + draw(st.integers(1, 900)),
        "labels": draw(labels),
        "taints": draw(st.lists(st.sampled_from(["a=b:NoSchedule", "c:NoExecute"]), unique=True)),
        "spot": draw(st.booleans()),
        "gpu": draw(st.booleans()),
        "zones": draw(zones),
        "os_disk_gb": draw(st.none() | st.integers(30, 2048)),
    }


@st.composite
def configs(draw: st.DrawFn) -> AzureConfig:
    low = draw(st.integers(1, 5))
    content = {
        "subscription_id": SUBSCRIPTION,
        "tenant_id": TENANT,
        "location": draw(st.sampled_from(["eastus2", "westeurope"])),
        "username": draw(st.text(max_size=60)),
        "resource_group": draw(st.from_regex(r"[A-Za-z0-9_-]{1,60}", fullmatch=True)),
        "lock": draw(st.booleans()),
        "acr": {"enabled": True, "sku": draw(st.sampled_from(["Basic", "Standard", "Premium"]))},
        "aks": {
            "name": draw(st.from_regex(r"[a-zA-Z0-9]([-_a-zA-Z0-9]{0,61}[a-zA-Z0-9])?", fullmatch=True)),
            "version": draw(st.none() | st.sampled_from([*LATEST, *LATEST.values()])),
            "tier": draw(st.sampled_from(["Free", "Standard", "Premium"])),
            "system_pool": {"min": low, "max": low + draw(st.integers(0, 9)), "zones": draw(zones)},
            "workload_pools": draw(st.lists(pools(), min_size=1, max_size=4, unique_by=lambda pool: pool["name"])),
        },
        "network": {
            "authorized_ip_ranges": draw(st.lists(st.sampled_from(["10.1.0.0/16", "192.0.2.0/24"]), unique=True))
        },
    }
    return AzureConfig.model_validate(content)


def bodies(config: AzureConfig) -> list[desired.Resource]:
    return [
        desired.group(config),
        desired.group(config, config.registry_group),
        desired.registry(config),
        desired.cluster(config, version="1.35.6", ssh_key="ssh-rsa AAAA x"),
        *desired.pools(config),
        desired.pull_right(config, TENANT),
        desired.lock(config),
    ]


@settings(deadline=None, max_examples=150)
@given(configs())
def test_every_body_passes_azures_published_types(config: AzureConfig):
    for one in bodies(config):
        assert armtypes.mistakes(type_of(one.id), one.api_version, one.body) == [], one.kind
    assert 5 <= len(config.registry_name) <= 50
    assert len(config.group_name) <= 90


@settings(deadline=None, max_examples=100)
@given(configs())
def test_what_azure_makes_of_a_body_is_no_difference(config: AzureConfig):
    """And what would be sent to change it still passes the types."""
    live = {}
    for one in bodies(config):
        if one.kind == "cluster":
            settled = settle.cluster(one.body, group="g", name="n", subscription=SUBSCRIPTION, latest=LATEST)
            if config.aks.version:
                patch = LATEST.get(config.aks.version, config.aks.version)
                settled["properties"] |= {"kubernetesVersion": config.aks.version, "currentKubernetesVersion": patch}
            live[one.id.lower()] = {"id": one.id, "name": one.name, **settled}
        elif one.kind not in ("pool", "role assignment"):
            live[one.id.lower()] = {"id": one.id, "name": one.name, **settle.without_empty(one.body)}
    principal = "00000000-0000-0000-0000-0000000000dd"
    right = desired.pull_right(config, principal)
    live[right.id.lower()] = {"id": right.id, "name": right.name, **right.body}
    plan = make_plan(config, live)
    assert plan.changes == ()
    for step in plan.steps:
        if step.resource.kind in ("cluster", "pool"):
            assert armtypes.mistakes(type_of(step.resource.id), step.resource.api_version, step.body) == []


CONFIG = AzureConfig.model_validate(
    {"subscription_id": SUBSCRIPTION, "tenant_id": TENANT, "location": "eastus2", "username": "a"}
)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("location",), None, "required"),
        (("properties", "networkProfile", "networkPlugin"), "calico", "none of"),
        (("properties", "agentPoolProfiles", 0, "name"), "workload-cpu", "does not match"),
        (("properties", "agentPoolProfiles", 0, "vm_size"), "x", "unknown property"),
        (("properties", "agentPoolProfiles", 0, "count"), "1", "a number is wanted"),
        (("properties", "fqdn"), "x", "read-only"),
        (("properties", "agentPoolProfiles", 0, "osDiskSizeGB"), 5000, "out of range"),
        (("properties", "enableRBAC"), "yes", "true or false"),
    ],
)
def test_a_seeded_mistake_is_caught(path, value, said):
    body = deepcopy(desired.cluster(CONFIG, version=None, ssh_key=None).body)
    *outer, last = path
    holder = body
    for part in outer:
        holder = holder[part]
    if value is None:
        del holder[last]
    else:
        holder[last] = value
    found = armtypes.mistakes("Microsoft.ContainerService/managedClusters", desired.CLUSTERS, body)
    assert len(found) == 1
    assert said in found[0]
