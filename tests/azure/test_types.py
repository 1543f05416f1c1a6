"""Every body that any config can lead to passes Azure's published types; seeded mistakes do not."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelops_runtime.contracts.errors import SpecErrors
from mops_azure import resources
from mops_azure.config import AzureConfig, load_config
from mops_azure.plan import make_plan
from mops_azure.resources.cluster import CLUSTERS, cluster, cluster_id, outbound_ids
from mops_azure.resources.cluster import pools as pools_of
from mops_azure.resources.group import GROUPS, group
from mops_azure.resources.kind import Resource
from mops_azure.resources.lock import lock
from mops_azure.resources.postgres import DISK_SIZES_GB
from mops_azure.resources.registry import registry
from tests.azure import armtypes
from tests.azure.arm_parts import address
from tests.azure.arm_server import TENANT, ArmServer
from tests.azure.arm_shapes import LATEST, SUBSCRIPTION, type_of

LATE = ("role assignment", "federated credential", "firewall rule")
SEEN: dict = {}
"""What Azure has made already: nothing, so that late resources are as in a first plan."""
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
    return AzureConfig.model_validate({**content, **draw(managed_parts())})


@st.composite
def managed_parts(draw: st.DrawFn) -> dict:
    name = st.from_regex(r"[a-z][a-z0-9]{3,20}", fullmatch=True)
    account = st.from_regex(r"[a-z][a-z0-9-]{0,20}[a-z0-9]:[a-z][a-z0-9-]{0,20}[a-z0-9]", fullmatch=True)
    return {
        "postgres": {
            "enabled": draw(st.booleans()),
            "name": draw(st.none() | name),
            "version": draw(st.sampled_from(["15", "16", "17", "18"])),
            "vm_size": draw(st.sampled_from(["Standard_B2s", "Standard_D4ds_v5", "Standard_E8ds_v5"])),
            "storage_gb": draw(st.sampled_from(DISK_SIZES_GB)),
            "backup_days": draw(st.integers(7, 35)),
            "database": draw(st.from_regex(r"[a-z_][a-z0-9_]{0,62}", fullmatch=True)),
        },
        "storage": {
            "enabled": draw(st.booleans()),
            "name": draw(st.none() | name),
            "container": draw(st.from_regex(r"[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]", fullmatch=True)),
            "redundancy": draw(st.sampled_from(["LRS", "ZRS", "GRS", "GZRS"])),
        },
        "identity": {
            "enabled": draw(st.booleans()),
            "name": draw(st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,60}", fullmatch=True)),
            "service_accounts": draw(st.lists(account, max_size=3, unique=True)),
        },
        "key_vault": {"enabled": draw(st.booleans()), "keep_deleted_days": draw(st.integers(7, 90))},
        "logs": {"enabled": draw(st.booleans()), "retention_days": draw(st.integers(30, 730))},
    }


def bodies(config: AzureConfig) -> list[Resource]:
    return [
        group(config),
        group(config, config.registry_group),
        registry(config),
        cluster(config, version=config.aks.version or "1.35.6", ssh_key="ssh-rsa AAAA x"),
        *pools_of(config),
        *resources.independent(config, secrets={"database server": "Never-shown-42"}),
        *(one for one, _ in resources.dependent_resources(config, SEEN)),
        lock(config),
    ]


@settings(deadline=None, max_examples=120)
@given(configs())
def test_every_body_passes_azures_published_types(config: AzureConfig):
    for one in bodies(config):
        assert armtypes.mistakes(type_of(one.id), one.api_version, one.body) == [], one.kind
    assert 5 <= len(config.registry_name) <= 50
    assert len(config.group_name) <= 90


def put_all(azure: ArmServer, wanted: list[Resource]) -> None:
    """As Azure takes them, one after the other."""
    for one in wanted:
        if one.kind == "pool":
            continue  # in the cluster's body
        status, answer, _ = azure.handle("PUT", one.id, {"api-version": [one.api_version]}, one.body, {})
        assert status < 300, answer
        for _ in range(5):  # each request is a tick, and the work needs some
            azure.handle("GET", wanted[0].id, {"api-version": [GROUPS]}, None, {})


@settings(deadline=None, max_examples=25)
@given(config=configs())
def test_what_azure_makes_of_a_body_is_no_difference(certificate, config: AzureConfig):
    """And what would be sent to change it still passes the types."""
    azure = ArmServer(*certificate)
    azure.polls = 0
    azure.http.server_close()
    early = [one for one in bodies(config) if one.kind not in LATE]
    put_all(azure, early)
    made = azure.resources[cluster_id(config).lower()]
    seen = {**azure.resources, **{id_.lower(): address(id_) for id_ in outbound_ids(made)}}
    put_all(azure, [early[0], *(one for one, _ in resources.dependent_resources(config, seen))])
    plan = make_plan(config, {**seen, **azure.resources})
    assert plan.changes == ()
    assert azure.invalid == []
    for step in plan.steps:
        if step.resource.kind not in ("resource group", "registry", "role assignment"):
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
    body = deepcopy(cluster(CONFIG, version=None, ssh_key=None).body)
    *outer, last = path
    holder = body
    for part in outer:
        holder = holder[part]
    if value is None:
        del holder[last]
    else:
        holder[last] = value
    found = armtypes.mistakes("Microsoft.ContainerService/managedClusters", CLUSTERS, body)
    assert len(found) == 1
    assert said in found[0]


def loaded(folder: Path, line: str) -> AzureConfig:
    """The least config, with `line` as its fourth."""
    file = folder / "azure.yaml"
    file.write_text(f"subscription_id: {SUBSCRIPTION}\ntenant_id: {TENANT}\nlocation: eastus2\n{line}\n")
    return load_config(file)


@pytest.mark.parametrize(
    ("pool", "said"),
    [
        ('zones: ["1", "1"]', "zone 1 is there twice"),
        ("zones: [4]", "it must be one of 1, 2, 3"),
        ("zones: [true]", "it must be one of 1, 2, 3"),
        ('taints: ["a=b:NoSchedule", "a=c:NoSchedule"]', "the taint a:NoSchedule is there twice"),
        ('gpu: true, taints: ["sku=gpu:NoSchedule"]', "leave it out, gpu puts it there"),
        ('taints: ["é=!!:NoSchedule"]', "write key=value:NoSchedule"),
        (f"taints: [{'a' * 400}=b:NoSchedule]", "write key=value:NoSchedule"),
        ("taints: [a.=b:NoSchedule]", "write key=value:NoSchedule"),
        ('labels: {"a b": c}', "'a b' is not allowed here; write at most 63 letters"),
        ('labels: {"a/b/c": d}', "'a/b/c' is not allowed here"),
        ('labels: {a: "b c"}', "'b c' is not allowed here"),
        (f"labels: {{a: {'b' * 64}}}", "write at most 63 letters"),
        ("labels: {a: 5}", 'put it in quotes, "5"'),
        ("labels: {kubernetes.azure.com/mode: user}", "use another prefix"),
    ],
)
def test_a_pool_that_azure_would_refuse_is_refused_at_its_line(tmp_path, pool: str, said: str):
    with pytest.raises(SpecErrors) as refused:
        loaded(tmp_path, f"aks: {{workload_pool: {{{pool}}}}}")
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"{tmp_path / 'azure.yaml'}:4:")
    assert said in line


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("network: {pod_cidr: 5}", "5 is not a network"),
        ('network: {pod_cidr: "fd00::/64"}', "is not an IPv4 network"),
        ('network: {authorized_ip_ranges: ["2001:db8::/32"]}', "is not an IPv4 network"),
        ("network: {pod_cidr: 10.244.0.0/25}", "write a /24 or larger"),
        (f"tags: {{project: {'x' * 257}}}", "has 257 letters; a tag holds at most 256"),
        ('acr: {resource_group: "bad group/../x"}', "write a group's name"),
        ("acr: {resource_group: ..}", "write a group's name"),
        ('acr: {resource_group: ""}', "write a group's name"),
    ],
)
def test_what_azure_would_refuse_is_refused_at_its_line(tmp_path, line: str, said: str):
    with pytest.raises(SpecErrors) as refused:
        loaded(tmp_path, line)
    (told,) = str(refused.value).splitlines()
    assert told.startswith(f"{tmp_path / 'azure.yaml'}:4:")
    assert said in told


def test_what_azure_takes_is_taken(tmp_path):
    pool = (
        "{zones: [1, 2], labels: {example.org/a: b.c, d: ''}, "
        f"taints: [example.org/{'a' * 63}=b:NoSchedule, 'a=:NoExecute', 'a=:NoSchedule']}}"
    )
    assert loaded(tmp_path, f"aks: {{workload_pool: {pool}}}").aks.pools[0].zones == ["1", "2"]
    assert loaded(tmp_path, "aks: {system_pool: {zones: [3]}}").aks.system_pool.zones == ["3"]
    assert loaded(tmp_path, "postgres: {version: 16}").postgres.version == "16"
    assert loaded(tmp_path, "acr: {resource_group: rg.shared_(prod)}").registry_group == "rg.shared_(prod)"
    assert loaded(tmp_path, "network: {pod_cidr: 10.244.0.0/24}").network.pod_cidr == "10.244.0.0/24"
    assert len(loaded(tmp_path, f"tags: {{project: {'x' * 256}}}").tags.project) == 256
