"""The cluster, its network, and the rights that it needs."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field

from modelops_runtime.options.base import Mistake, StrictModel
from mops_azure.fields import ClusterName, Network, Version, matching
from mops_azure.pricing import CostItem, Meters, PriceTable, constant, pool_cost, system_cost
from mops_azure.resources import node_pool, registry, role, vault
from mops_azure.resources.group import group_id
from mops_azure.resources.kind import Comparison, Dependent, Kind, Live, Resource, Section, is_on, is_ours, section
from mops_azure.resources.node_pool import CLUSTERS, PoolSpec, SystemPoolSpec
from mops_azure.settings import Settings

SECRETS_DRIVER = "azureKeyvaultSecretsProvider"
ADMIN = "azureuser"

TIERS = {"Standard": "Standard Uptime SLA", "Premium": "Standard Long Term Support"}
"""Tier of the control plane -> the meter of its price; the other tier is free."""
RULES = "Standard Included LB Rules and Outbound Rules"
ADDRESS = "Standard IPv4 Static Public IP"


class AksSpec(StrictModel):
    """The cluster."""

    name: ClusterName = "modelops"
    version: Version | None = Field(default=None, description="left out: the location's default, its latest patch")
    tier: Literal["Free", "Standard", "Premium"] = "Free"
    system_pool: SystemPoolSpec = Field(default_factory=SystemPoolSpec)
    workload_pools: list[PoolSpec] | None = Field(default=None, min_length=1)
    workload_pool: PoolSpec | None = Field(default=None, description="short for one pool, workcpu")

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        if given.get("workload_pools") is not None and given.get("workload_pool") is not None:
            return [Mistake(("workload_pool",), "workload_pool and workload_pools are both there", "keep one of them")]
        pools = given.get("workload_pools")
        names = (
            [pool.get("name", "workcpu") for pool in pools if isinstance(pool, Mapping)]
            if isinstance(pools, list)
            else []
        )
        if isinstance(given.get("workload_pool"), Mapping):
            names = [given["workload_pool"].get("name", "workcpu")]
        found = [
            Mistake(("workload_pools",), f"two pools are called {name}", "give each a name of its own")
            for name in sorted({str(name) for name in names if names.count(name) > 1})
        ]
        if node_pool.SYSTEM in names:
            found.append(
                Mistake(("workload_pools",), "a workload pool is called system", "that name is the system pool's")
            )
        return found

    @property
    def pools(self) -> list[PoolSpec]:
        return self.workload_pools or [self.workload_pool or PoolSpec()]


class NetworkSpec(StrictModel):
    """Addresses inside the cluster. Azure CNI overlay with Cilium always: our NetworkPolicies need it."""

    pod_cidr: Network = "10.244.0.0/16"
    service_cidr: Network = "10.0.0.0/16"
    subnet_id: Annotated[str, matching(r"/subscriptions/.+/subnets/[^/]+", "write a subnet's resource id")] | None = (
        None
    )
    authorized_ip_ranges: list[Network] = Field(
        default_factory=list, description="who may reach the API server; empty: all"
    )

    @property
    def dns_service_ip(self) -> str:
        return str(ipaddress.ip_network(self.service_cidr)[10])

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        given_pods, given_services = given.get("pod_cidr", "10.244.0.0/16"), given.get("service_cidr", "10.0.0.0/16")
        if not isinstance(given_pods, str) or not isinstance(given_services, str):
            return []
        try:
            pods, services = ipaddress.IPv4Network(given_pods), ipaddress.IPv4Network(given_services)
        except ValueError:
            return []
        found = []
        if pods.prefixlen > 24:
            found.append(
                Mistake(("pod_cidr",), f"{pods} is too small: each node takes a /24 of it", "write a /24 or larger")
            )
        if pods.overlaps(services):
            found.append(Mistake(("pod_cidr",), f"{pods} and service_cidr {services} overlap", "keep them apart"))
        if services.prefixlen < 12 or services.prefixlen > 27:
            found.append(Mistake(("service_cidr",), f"{services} is too large or too small", "write a /12 to a /27"))
        return found


SECTION = Section(key="aks", spec=AksSpec)


def spec(config: Settings) -> AksSpec:
    return section(config, SECTION.key, AksSpec)


def network(config: Settings) -> NetworkSpec:
    return section(config, "network", NetworkSpec)


def cluster_id(config: Settings) -> str:
    return f"{group_id(config)}/providers/Microsoft.ContainerService/managedClusters/{spec(config).name}"


def cluster(config: Settings, *, version: str | None, ssh_key: str | None) -> Resource:
    """`version` and `ssh_key` are None to keep the cluster's."""
    aks, addresses = spec(config), network(config)
    properties: dict[str, Any] = {
        "dnsPrefix": dns_prefix(config),
        "enableRBAC": True,
        "agentPoolProfiles": [{"name": one.name, **one.body["properties"]} for one in pools(config)],
        "networkProfile": {
            "networkPlugin": "azure",
            "networkPluginMode": "overlay",
            "networkDataplane": "cilium",
            "networkPolicy": "cilium",
            "loadBalancerSku": "standard",
            "outboundType": "loadBalancer",
            "podCidr": addresses.pod_cidr,
            "serviceCidr": addresses.service_cidr,
            "dnsServiceIP": addresses.dns_service_ip,
        },
        "oidcIssuerProfile": {"enabled": True},
        "securityProfile": {"workloadIdentity": {"enabled": True}},
        "apiServerAccessProfile": {"authorizedIPRanges": list(addresses.authorized_ip_ranges)},
    }
    if vault.spec(config).enabled:
        driver = {"enabled": True, "config": {"enableSecretRotation": "true"}}
        properties["addonProfiles"] = {SECRETS_DRIVER: driver}
    if version:
        properties["kubernetesVersion"] = version
    if ssh_key:
        properties["linuxProfile"] = {"adminUsername": ADMIN, "ssh": {"publicKeys": [{"keyData": ssh_key}]}}
    body = {
        "location": config.location,
        "tags": config.all_tags,
        "identity": {"type": "SystemAssigned"},
        "sku": {"name": "Base", "tier": aks.tier},
        "properties": properties,
    }
    return Resource(kind=KIND.name, name=aks.name, id=cluster_id(config), api_version=CLUSTERS, body=body)


def dns_prefix(config: Settings) -> str:
    """At most 54 letters, digits and hyphens."""
    name = "".join(letter if letter.isalnum() else "-" for letter in f"{spec(config).name}-{config.group_name}".lower())
    return name[:54].strip("-")


def for_existing(wanted: Resource, live: Any) -> Resource:
    """The desired cluster where one is: without its pools, which have PUTs of their own, and with the secrets driver switched off
    if it is on and no longer wanted."""
    body = deepcopy(wanted.body)
    del body["properties"]["agentPoolProfiles"]
    if _has_driver(live) and "addonProfiles" not in body["properties"]:
        body["properties"]["addonProfiles"] = {SECRETS_DRIVER: {"enabled": False}}
    return replace(wanted, body=body)


def _has_driver(cluster: Any) -> bool:
    addons = (cluster.get("properties") or {}).get("addonProfiles")
    named = {str(key).lower(): one for key, one in addons.items()} if isinstance(addons, Mapping) else {}
    driver = named.get(SECRETS_DRIVER.lower())
    return isinstance(driver, Mapping) and bool(driver.get("enabled"))


def pools(config: Settings) -> list[Resource]:
    """The system pool and the workload pools; those of a new cluster are sent in its body."""
    aks, subnet_id = spec(config), network(config).subnet_id
    system = aks.system_pool
    common: dict[str, Any] = {
        "osType": "Linux",
        "type": "VirtualMachineScaleSets",
        "enableAutoScaling": True,
        "tags": config.all_tags,
    }
    if aks.version:
        # Pools of an upgraded cluster follow only if they are sent too.
        common["orchestratorVersion"] = aks.version
    subnet = {"vnetSubnetID": subnet_id} if subnet_id else {}
    first: dict[str, Any] = {
        **common,
        **subnet,
        "mode": "System",
        "vmSize": system.vm_size,
        "count": system.min,
        "minCount": system.min,
        "maxCount": system.max,
        "nodeLabels": {"modelops.io/role": "system"},
        "nodeTaints": [],
        "availabilityZones": list(system.zones),
    }
    bodies = {node_pool.SYSTEM: first} | {
        pool.name: {**common, **subnet, **node_pool.workload_properties(pool)} for pool in aks.pools
    }
    return [
        Resource(
            kind=node_pool.KIND.name,
            name=name,
            id=f"{cluster_id(config)}/agentPools/{name}",
            api_version=CLUSTERS,
            body={"properties": body},
        )
        for name, body in bodies.items()
    ]


def power_of(cluster: Any) -> str:
    """`Running` or `Stopped`."""
    return str((((cluster or {}).get("properties") or {}).get("powerState") or {}).get("code") or "Running")


def running_version(cluster: Any) -> str:
    """The version of Kubernetes, with its patch if Azure says it; empty if unknown."""
    properties = (cluster or {}).get("properties") or {}
    return str(properties.get("currentKubernetesVersion") or properties.get("kubernetesVersion") or "")


def other_clusters(config: Settings, live: Live) -> list[str]:
    """Names of the clusters of ours in the group beside the config's own."""
    own, kind = cluster_id(config).lower(), cluster_id(config).lower().rpartition("/")[0]
    return [
        str(one["name"]) for id_, one in live.items() if id_ != own and id_.rpartition("/")[0] == kind and is_ours(one)
    ]


def cluster_principal(cluster: Any) -> str | None:
    """Object id of the cluster's identity."""
    return ((cluster or {}).get("identity") or {}).get("principalId")


def kubelet_principal(cluster: Any) -> str | None:
    """Object id of the identity with which nodes pull images; absent until the cluster has settled."""
    profile = ((cluster or {}).get("properties") or {}).get("identityProfile") or {}
    return (profile.get("kubeletidentity") or {}).get("objectId")


def issuer_of(cluster: Any) -> str | None:
    return (((cluster or {}).get("properties") or {}).get("oidcIssuerProfile") or {}).get("issuerURL")


def outbound_ids(cluster: Any) -> list[str]:
    """Ids of the public addresses of the cluster's outgoing traffic."""
    network = ((cluster or {}).get("properties") or {}).get("networkProfile") or {}
    found = (network.get("loadBalancerProfile") or {}).get("effectiveOutboundIPs") or []
    return [one["id"] for one in found if one.get("id")]


def pull_right(config: Settings, live: Live) -> Dependent:
    """The nodes' right to pull images only."""
    return _pull_right(config, live.get(cluster_id(config).lower()))


def _pull_right(config: Settings, cluster: Any) -> Dependent:
    principal = kubelet_principal(cluster)
    name = "AcrPull for the nodes"
    right = role.right(name=name, scope=registry.registry_id(config), role=role.ACR_PULL, principal_id=principal or "")
    return right, "" if principal else "once the cluster has its identity"


def _subnet_right(cluster: Any, subnet: str) -> Dependent:
    """In a network that Azure did not make for it, a cluster needs a role to join load balancers and nodes to the subnet
    (learn.microsoft.com, AKS: bring your own virtual network)."""
    principal = cluster_principal(cluster)
    name = "Network Contributor on the subnet for the cluster"
    right = role.right(name=name, scope=subnet, role=role.NETWORK_CONTRIBUTOR, principal_id=principal or "")
    return right, "" if principal else "once the cluster has its identity"


def _dependents(config: Settings, live: Live, _kinds: tuple[Kind, ...]) -> list[Dependent]:
    subnet = network(config).subnet_id
    found = [_subnet_right(live.get(cluster_id(config).lower()), subnet)] if subnet else []
    return [*found, *([pull_right(config, live)] if is_on(registry.KIND, config) else [])]


def _kept(body: dict[str, Any], _asked: Mapping[str, Any], live: Mapping[str, Any]) -> None:
    """Pools have PUTs of their own."""
    if "agentPoolProfiles" in live.get("properties", {}):
        body["properties"]["agentPoolProfiles"] = live["properties"]["agentPoolProfiles"]


def pools_left_alone(config: Settings, live: Live) -> list[dict[str, Any]]:
    """The cluster's pools that the config does not name; they keep running and are billed."""
    named = {node_pool.SYSTEM, *(pool.name for pool in spec(config).pools)}
    return [
        pool
        for pool in node_pool.pools_in(live.get(cluster_id(config).lower()))
        if str(pool["name"]).lower() not in named
    ]


def _cost(config: Settings, table: PriceTable, live: Live) -> list[CostItem]:
    aks = spec(config)
    found = [system_cost(aks.system_pool.vm_size, aks.system_pool.min, aks.system_pool.max, table)]
    for pool in aks.pools:
        note = ["nothing while nobody works"] if pool.min == 0 else []
        found.append(pool_cost(pool.name, pool.vm_size, pool.min, pool.max, table, spot=pool.spot, note=note))
    for one in pools_left_alone(config, live):
        low, high = one.get("minCount"), one.get("maxCount")
        if not one.get("enableAutoScaling") or low is None or high is None:
            low = high = one.get("count") or 0
        spot = one.get("scaleSetPriority") == "Spot"
        note = ["not in the config, left alone"]
        found.append(pool_cost(one["name"], str(one.get("vmSize")), low, high, table, spot=spot, note=note))
    tier = TIERS.get(aks.tier)
    found.append(constant(f"control plane ({aks.tier})", table.meters.get(tier) if tier else 0.0))
    rules = table.meters.get(RULES)
    balancer = None if rules is None else rules + table.meters.get(ADDRESS, 0.0)
    found.append(constant("load balancer and its address", balancer))
    return found


def _notes(config: Settings, live: Live) -> Iterator[str]:
    if power_of(live.get(cluster_id(config).lower())) == "Stopped":
        yield f"cluster {spec(config).name} is stopped; `mops-azure start` wakes it"


def _summary(resource: Resource) -> list[str]:
    body, properties = resource.body, resource.body["properties"]
    version = properties.get("kubernetesVersion", "the location's default version")
    return [f"Kubernetes {version}, {body['sku']['tier']}, Azure CNI overlay with Cilium, in {body['location']}"]


KIND = Kind(
    name="cluster",
    type="Microsoft.ContainerService/managedClusters",
    api_version=CLUSTERS,
    section=SECTION,
    dependents=_dependents,
    providers=(
        "Microsoft.ContainerService",
        "Microsoft.Compute",
        "Microsoft.Network",
        "Microsoft.Storage",
        "Microsoft.ManagedIdentity",
    ),
    replacing=(
        "location",
        "properties.dnsPrefix",
        "properties.nodeResourceGroup",
        "properties.networkProfile.networkPlugin",
        "properties.networkProfile.networkPluginMode",
        "properties.networkProfile.podCidr",
        "properties.networkProfile.serviceCidr",
        "properties.networkProfile.dnsServiceIP",
        "properties.networkProfile.loadBalancerSku",
        "properties.networkProfile.outboundType",
        "properties.linuxProfile.*",
        "properties.enableRBAC",
    ),
    comparison=Comparison(
        never_returned=("secret", "adminPassword", "serverAppSecret"),
        shown_as={"kubernetesVersion": "currentKubernetesVersion"},
        owned_lists={"authorizedIPRanges": ""},
    ),
    kept=_kept,
    is_new_only=True,
    needs_running_cluster=True,
    cost=_cost,
    meters=(
        Meters(service="Azure Kubernetes Service", names=tuple(TIERS.values())),
        Meters(service="Load Balancer", names=(RULES,)),
        Meters(service="Virtual Network", names=(ADDRESS,), asks_by_name=True),
    ),
    notes=_notes,
    is_right_checked=True,
    summary=_summary,
)
KINDS = (KIND,)
