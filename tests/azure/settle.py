"""How Azure rewrites what it is sent, as the recordings show: defaults appear, case changes, empty and default things vanish."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

POOL_DEFAULTS = {
    "osDiskSizeGB": 128,
    "osDiskType": "Managed",
    "kubeletDiskType": "OS",
    "maxPods": 110,
    "enableAutoScaling": False,
    "enableNodePublicIP": False,
    "mode": "User",
    "enableEncryptionAtHost": False,
    "enableUltraSSD": False,
    "osType": "Linux",
    "osSKU": "Ubuntu",
    "enableFIPS": False,
}
LATEST = {"1.34": "1.34.9", "1.35": "1.35.6", "1.36": "1.36.2"}
NEVER_SHOWN = ("secret", "adminPassword")
CASES = {"standard": "Standard", "loadbalancer": "loadBalancer"}


def without_empty(value: Any) -> Any:
    """None, "", [] and {} are not kept."""
    if isinstance(value, dict):
        kept = {key: without_empty(one) for key, one in value.items() if key not in NEVER_SHOWN}
        return {key: one for key, one in kept.items() if one not in (None, "", [], {})}
    if isinstance(value, list):
        return [without_empty(one) for one in value]
    return value


def pool(sent: dict[str, Any], version: str) -> dict[str, Any]:
    """One agent pool's properties as they come back, without its provisioningState."""
    kept = without_empty(sent)
    if kept.get("scaleSetPriority") == "Regular":
        kept.pop("scaleSetPriority")
        kept.pop("scaleSetEvictionPolicy", None)
    if kept.get("spotMaxPrice") == -1 and "scaleSetPriority" not in kept:
        kept.pop("spotMaxPrice")
    if kept.get("osDiskSizeGB") == 0:
        kept.pop("osDiskSizeGB")
    version = LATEST.get(
        kept.get("orchestratorVersion", ""), kept.get("orchestratorVersion", version)
    )  # a pool keeps its own
    running = {"orchestratorVersion": version, "currentOrchestratorVersion": version, "powerState": {"code": "Running"}}
    return {
        **POOL_DEFAULTS,
        **running,
        "nodeImageVersion": "AKSUbuntu-2204gen2containerd-202608.01.0",
        "upgradeSettings": {},
        **kept,
    }


def cluster(
    sent: dict[str, Any], *, group: str, name: str, subscription: str, latest: dict[str, str]
) -> dict[str, Any]:
    """A cluster as it comes back once it is Succeeded. `latest`: minor version -> its newest patch."""
    body = without_empty(deepcopy(sent))
    properties = body.setdefault("properties", {})
    asked = properties.get("kubernetesVersion") or next(iter(latest.values()))
    patch = latest.get(asked, asked)
    network = properties.setdefault("networkProfile", {})
    network["loadBalancerSku"] = CASES.get(str(network.get("loadBalancerSku", "")).lower(), "Standard")
    network.setdefault("loadBalancerProfile", {"managedOutboundIPs": {"count": 1}})
    network["loadBalancerProfile"]["effectiveOutboundIPs"] = [
        {
            "id": f"/subscriptions/{subscription}/resourceGroups/MC_{group}_{name}/providers/Microsoft.Network/"
            "publicIPAddresses/x"
        }
    ]
    if {"podCidr", "serviceCidr"} <= network.keys():
        network |= {"podCidrs": [network["podCidr"]], "serviceCidrs": [network["serviceCidr"]], "ipFamilies": ["IPv4"]}
    principal = {
        "principalId": "00000000-0000-0000-0000-0000000000aa",
        "tenantId": "00000000-0000-0000-0000-0000000000bb",
    }
    body["identity"] = {**body.get("identity", {}), **principal}
    node_group = properties.get("nodeResourceGroup", f"MC_{group}_{name}_{body['location']}")
    kubelet = {
        "resourceId": f"/subscriptions/{subscription}/resourcegroups/{node_group}/providers/Microsoft.ManagedIdentity"
        f"/userAssignedIdentities/{name}-agentpool",
        "clientId": "00000000-0000-0000-0000-0000000000cc",
        "objectId": "00000000-0000-0000-0000-0000000000dd",
    }
    drivers = {one: {"enabled": True} for one in ("diskCSIDriver", "fileCSIDriver", "snapshotController")}
    properties |= {
        "powerState": {"code": "Running"},
        "kubernetesVersion": asked,
        "currentKubernetesVersion": patch,
        "fqdn": f"{properties.get('dnsPrefix', name)}-44e999a7.hcp.{body['location']}.azmk8s.io",
        "nodeResourceGroup": node_group,
        "maxAgentPools": 100,
        "servicePrincipalProfile": properties.get("servicePrincipalProfile", {"clientId": "msi"}),
        "supportPlan": properties.get("supportPlan", "KubernetesOfficial"),
        "agentPoolProfiles": [pool(one, patch) for one in properties.get("agentPoolProfiles", [])],
        "identityProfile": properties.get("identityProfile", {"kubeletidentity": kubelet}),
        "storageProfile": {**drivers, **properties.get("storageProfile", {})},
        "workloadAutoScalerProfile": properties.get("workloadAutoScalerProfile", {}),
    }
    properties.setdefault("securityProfile", {})
    oidc = properties.setdefault("oidcIssuerProfile", {"enabled": False})
    if oidc.get("enabled"):
        oidc["issuerURL"] = f"https://{body['location']}.oic.prod-aks.azure.com/x/"
    properties.setdefault("disableLocalAccounts", False)
    body.setdefault("sku", {"name": "Base", "tier": "Free"})
    body["eTag"] = "11111111-2222-3333-4444-555555555555"
    return body
