"""What the infra plane gives the others: frozen, in memory, built anew from Azure each time."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelops_runtime.contracts.errors import UserError
from mops_azure import desired
from mops_azure.config import AzureConfig

if TYPE_CHECKING:
    from mops_azure.arm import Arm, Reply


@dataclass(frozen=True, kw_only=True)
class RegistryBinding:
    """Where images and bundles are."""

    login_server: str
    requires_auth: bool = True


@dataclass(frozen=True, kw_only=True)
class ClusterBinding:
    """How to reach a cluster."""

    kubeconfig: str = field(repr=False)
    """YAML with credentials: keep it in memory or in a file of mode 0600."""
    acr_login_server: str | None = None
    cluster_name: str | None = None


def fetch_kubeconfig(arm: Arm, config: AzureConfig) -> str:
    """YAML. Raises UserError when there is no such cluster."""
    from mops_azure.arm import with_patience

    listing = arm.clusters.managed_clusters.list_cluster_user_credentials

    def fetch() -> Reply:
        return arm.call("fetching the kubeconfig", listing, config.group_name, config.aks.name, accept=(404,))

    reply = with_patience(fetch, ("Throttled", "TooManyRequests"), for_s=60)  # a POST, which the SDK does not retry
    if reply.status == 404:
        raise UserError(f"there is no cluster {config.aks.name} in {config.group_name}; `mops-azure create` makes it")
    return base64.b64decode(reply.body["kubeconfigs"][0]["value"]).decode()


def fetch_registry(arm: Arm, config: AzureConfig) -> RegistryBinding | None:
    """None when the config wants none, or it is not there."""
    if not config.acr.enabled:
        return None
    found = arm.get(desired.registry_id(config), desired.REGISTRIES, "reading the registry")
    return RegistryBinding(login_server=found["properties"]["loginServer"]) if found else None


def fetch_cluster(arm: Arm, config: AzureConfig) -> ClusterBinding:
    """The binding for `mops workspace up --infra azure`."""
    registry = fetch_registry(arm, config)
    return ClusterBinding(
        kubeconfig=fetch_kubeconfig(arm, config),
        acr_login_server=registry.login_server if registry else None,
        cluster_name=config.aks.name,
    )
