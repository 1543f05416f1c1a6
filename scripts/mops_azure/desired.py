"""What should be there: one `Resource` for each thing in Azure, in the order in which they are made. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mops_azure.config import AzureConfig, PoolSpec

GROUPS = "2025-04-01"
CLUSTERS = "2026-05-01"
"""Microsoft.ContainerService: the newest version whose published types the tests hold."""
REGISTRIES = "2025-11-01"
ASSIGNMENTS = "2022-04-01"
LOCKS = "2020-05-01"

ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
NETWORK_CONTRIBUTOR = "4d97b98b-1d4f-4787-a291-c67834d212e7"
SECRETS_DRIVER = "azureKeyvaultSecretsProvider"
LOCK_NAME = "modelops-keep"
ADMIN = "azureuser"
PROVIDERS = (
    "Microsoft.ContainerService",
    "Microsoft.Compute",
    "Microsoft.Network",
    "Microsoft.Storage",
    "Microsoft.ManagedIdentity",
)


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource as it should be."""

    kind: str
    """For people: `resource group`, `cluster`, `pool`, `registry`, `role assignment`, `lock`."""
    name: str
    id: str
    api_version: str
    body: dict[str, Any]
    """As sent in a PUT; a list of what the config owns (owned.py) is there even when it is empty."""


def group_id(config: AzureConfig, group: str | None = None) -> str:
    return f"/subscriptions/{config.subscription_id}/resourceGroups/{group or config.group_name}"


def cluster_id(config: AzureConfig) -> str:
    return f"{group_id(config)}/providers/Microsoft.ContainerService/managedClusters/{config.aks.name}"


def registry_id(config: AzureConfig) -> str:
    group = group_id(config, config.registry_group)
    return f"{group}/providers/Microsoft.ContainerRegistry/registries/{config.registry_name}"


def group(config: AzureConfig, name: str | None = None) -> Resource:
    name = name or config.group_name
    body = {"location": config.location, "tags": config.all_tags}
    return Resource(kind="resource group", name=name, id=group_id(config, name), api_version=GROUPS, body=body)


def cluster(config: AzureConfig, *, version: str | None, ssh_key: str | None) -> Resource:
    """`version` and `ssh_key` are None when the cluster's own are to be kept."""
    network = config.network
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
            "podCidr": network.pod_cidr,
            "serviceCidr": network.service_cidr,
            "dnsServiceIP": network.dns_service_ip,
        },
        "oidcIssuerProfile": {"enabled": True},
        "securityProfile": {"workloadIdentity": {"enabled": True}},
        "apiServerAccessProfile": {"authorizedIPRanges": list(network.authorized_ip_ranges)},
    }
    if config.key_vault.enabled:
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
        "sku": {"name": "Base", "tier": config.aks.tier},
        "properties": properties,
    }
    return Resource(kind="cluster", name=config.aks.name, id=cluster_id(config), api_version=CLUSTERS, body=body)


def dns_prefix(config: AzureConfig) -> str:
    """At most 54 letters, digits and hyphens."""
    name = "".join(letter if letter.isalnum() else "-" for letter in f"{config.aks.name}-{config.group_name}".lower())
    return name[:54].strip("-")


def pools(config: AzureConfig) -> list[Resource]:
    """The system pool and the workload pools; with a new cluster they travel in its body."""
    system = config.aks.system_pool
    common: dict[str, Any] = {
        "osType": "Linux",
        "type": "VirtualMachineScaleSets",
        "enableAutoScaling": True,
        "tags": config.all_tags,
    }
    if config.aks.version:
        # Of a cluster that is upgraded the pools follow only when they are told so.
        common["orchestratorVersion"] = config.aks.version
    subnet = {"vnetSubnetID": config.network.subnet_id} if config.network.subnet_id else {}
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
    bodies = {"system": first} | {pool.name: {**common, **subnet, **_workload(pool)} for pool in config.aks.pools}
    return [
        Resource(
            kind="pool",
            name=name,
            id=f"{cluster_id(config)}/agentPools/{name}",
            api_version=CLUSTERS,
            body={"properties": body},
        )
        for name, body in bodies.items()
    ]


def _workload(pool: PoolSpec) -> dict[str, Any]:
    role = "gpu" if pool.gpu else "cpu"
    body: dict[str, Any] = {
        "mode": "User",
        "vmSize": pool.vm_size,
        "count": pool.min,
        "minCount": pool.min,
        "maxCount": pool.max,
        "nodeLabels": {"modelops.io/role": role, **pool.labels},
        "availabilityZones": list(pool.zones),
    }
    taints = [*pool.taints, *(["sku=gpu:NoSchedule"] if pool.gpu else [])]
    if pool.spot:
        # Azure puts this label and this taint on spot nodes itself; said here, they are no difference later.
        body |= {"scaleSetPriority": "Spot", "scaleSetEvictionPolicy": "Delete", "spotMaxPrice": -1}
        body["nodeLabels"] = {**body["nodeLabels"], "kubernetes.azure.com/scalesetpriority": "spot"}
        taints.append("kubernetes.azure.com/scalesetpriority=spot:NoSchedule")
    body["nodeTaints"] = taints
    if pool.os_disk_gb:
        body["osDiskSizeGB"] = pool.os_disk_gb
    return body


def registry(config: AzureConfig) -> Resource:
    body = {
        "location": config.location,
        "tags": config.all_tags,
        "sku": {"name": config.acr.sku},
        "properties": {"adminUserEnabled": False, "roleAssignmentMode": "LegacyRegistryPermissions"},
    }
    return Resource(
        kind="registry", name=config.registry_name, id=registry_id(config), api_version=REGISTRIES, body=body
    )


def lock(config: AzureConfig) -> Resource:
    body = {
        "properties": {"level": "CanNotDelete", "notes": "set by mops-azure; `mops-azure delete --unlock` removes it"}
    }
    return Resource(
        kind="lock",
        name=LOCK_NAME,
        id=f"{group_id(config)}/providers/Microsoft.Authorization/locks/{LOCK_NAME}",
        api_version=LOCKS,
        body=body,
    )


def providers(config: AzureConfig) -> list[str]:
    """Resource providers that must be registered in the subscription."""
    wanted = {
        "Microsoft.ContainerRegistry": config.acr.enabled,
        "Microsoft.DBforPostgreSQL": config.postgres.enabled,
        "Microsoft.KeyVault": config.key_vault.enabled,
        "Microsoft.OperationalInsights": config.logs.enabled,
    }
    return [*PROVIDERS, *(name for name, is_wanted in wanted.items() if is_wanted)]
