"""What can be asked for only once Azure has made something else: rights need principals, firewall rules need addresses. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mops_azure import parts
from mops_azure.config import AzureConfig
from mops_azure.desired import ACR_PULL, NETWORK_CONTRIBUTOR, Resource, cluster_id, registry_id

Live = Mapping[str, Any]


def late_resources(config: AzureConfig, live: Live) -> list[tuple[Resource, str]]:
    """Each with what it still waits for: `once ...`, or nothing."""
    cluster = live.get(cluster_id(config).lower())
    found: list[tuple[Resource, str]] = []
    if config.network.subnet_id:
        found.append(_subnet_right(cluster, config.network.subnet_id))
    if config.acr.enabled:
        found.append(_pull_right(config, cluster))
    if config.identity.enabled:
        principal = pods_principal(config, live)
        waits = "" if principal else "once the identity is there"
        found += [(one, waits) for one in parts.pods_rights(config, principal or "")]
        issuer = _issuer(cluster)
        waits = "" if principal and issuer else "once the cluster has its issuer"
        found += [(one, waits) for one in parts.credentials(config, issuer or "")]
    if config.postgres.enabled:
        addresses = _addresses(cluster, live)
        waits = "" if addresses else "once the cluster has its address"
        found += [(one, waits) for one in parts.firewall_rules(config, addresses or ["0.0.0.0"])]
    return found


def _pull_right(config: AzureConfig, cluster: Any) -> tuple[Resource, str]:
    principal = kubelet_principal(cluster)
    name = "AcrPull for the nodes"
    right = parts.right(name=name, scope=registry_id(config), role=ACR_PULL, principal_id=principal or "")
    return right, "" if principal else "once the cluster has its identity"


def _subnet_right(cluster: Any, subnet: str) -> tuple[Resource, str]:
    """In a network that Azure did not make for it, a cluster needs a role to join load balancers and nodes to the subnet
    (learn.microsoft.com, AKS: bring your own virtual network)."""
    principal = cluster_principal(cluster)
    name = "Network Contributor on the subnet for the cluster"
    right = parts.right(name=name, scope=subnet, role=NETWORK_CONTRIBUTOR, principal_id=principal or "")
    return right, "" if principal else "once the cluster has its identity"


def cluster_principal(cluster: Any) -> str | None:
    """Object id of the identity with which the cluster itself acts."""
    return ((cluster or {}).get("identity") or {}).get("principalId")


def pull_right(config: AzureConfig, live: Live) -> tuple[Resource, str]:
    """The nodes' right to pull images alone."""
    return _pull_right(config, live.get(cluster_id(config).lower()))


def kubelet_principal(cluster: Any) -> str | None:
    """Object id of the identity with which nodes pull images; absent until the cluster has settled."""
    profile = ((cluster or {}).get("properties") or {}).get("identityProfile") or {}
    return (profile.get("kubeletidentity") or {}).get("objectId")


def pods_principal(config: AzureConfig, live: Live) -> str | None:
    return ((live.get(parts.identity_id(config).lower()) or {}).get("properties") or {}).get("principalId")


def _issuer(cluster: Any) -> str | None:
    return (((cluster or {}).get("properties") or {}).get("oidcIssuerProfile") or {}).get("issuerURL")


def outbound_ids(cluster: Any) -> list[str]:
    """Ids of the public addresses by which the cluster's pods are seen outside."""
    network = ((cluster or {}).get("properties") or {}).get("networkProfile") or {}
    found = (network.get("loadBalancerProfile") or {}).get("effectiveOutboundIPs") or []
    return [one["id"] for one in found if one.get("id")]


def _addresses(cluster: Any, live: Live) -> list[str]:
    found = [((live.get(id_.lower()) or {}).get("properties") or {}).get("ipAddress") for id_ in outbound_ids(cluster)]
    return sorted(one for one in found if one)
