"""What is there now: read from Azure, or from a file for `plan --against`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelops_runtime.contracts.errors import UserError
from mops_azure import desired
from mops_azure.config import AzureConfig
from mops_azure.plan import kubelet_principal

if TYPE_CHECKING:
    from mops_azure.arm import Arm


def read_live(arm: Arm, config: AzureConfig) -> dict[str, Any]:
    """All resources of the desired state that are there, by id in lower case."""
    wanted = [desired.group(config), desired.cluster(config, version=None, ssh_key=None)]
    if config.acr.enabled:
        wanted += [desired.group(config, config.registry_group), desired.registry(config)]
    if config.lock:
        wanted.append(desired.lock(config))
    live: dict[str, Any] = {}
    for one in wanted:
        if one.kind not in ("resource group", "registry") and desired.group_id(config).lower() not in live:
            continue  # no group: nothing in it
        if one.kind == "registry" and desired.group_id(config, config.registry_group).lower() not in live:
            continue
        found = arm.get(one.id, one.api_version, f"reading the {one.kind} {one.name}")
        if found is not None:
            live[one.id.lower()] = found
    principal = kubelet_principal(live.get(desired.cluster_id(config).lower()))
    if config.acr.enabled and principal and desired.registry_id(config).lower() in live:
        live |= _pull_right(arm, config, principal)
    return live


def _pull_right(arm: Arm, config: AzureConfig, principal: str) -> dict[str, Any]:
    """The nodes' AcrPull under whatever name it was given."""
    resource = desired.pull_right(config, principal)
    listing = f"{desired.registry_id(config)}/providers/Microsoft.Authorization/roleAssignments"
    path = f"{listing}?$filter=principalId%20eq%20'{principal}'"
    for found in arm.list(path, desired.ASSIGNMENTS, "reading role assignments"):
        said = found.get("properties", {})
        same_role = str(said.get("roleDefinitionId", "")).lower().endswith(desired.ACR_PULL)
        if same_role and str(said.get("principalId", "")).lower() == principal.lower():
            return {resource.id.lower(): found}
    return {}


def live_from_file(path: Path) -> dict[str, Any]:
    """A JSON list of resources as ARM returns them (`mops-azure plan --save-live FILE` writes it); [] is nothing at all."""
    try:
        content = json.loads(path.read_text())
    except OSError as error:
        raise UserError(f"{path}: it cannot be read: {error.strerror}; give a file of --save-live") from None
    except ValueError as error:
        raise UserError(f"{path}: this is not JSON ({error}); give a file of --save-live") from None
    if not isinstance(content, list) or not all(
        isinstance(one, dict) and isinstance(one.get("id"), str) for one in content
    ):
        raise UserError(f"{path}: this is no list of resources with ids; give a file of --save-live, or [] for nothing")
    return {one["id"].lower(): one for one in content}


def newest_default_version(arm: Arm, config: AzureConfig) -> str:
    """The location's default minor version, its latest patch."""
    offered = offered_versions(arm, config)
    default = [minor for minor, (_, is_default) in offered.items() if is_default] or list(offered)
    if not default:
        raise UserError(f"location {config.location} offers no Kubernetes version; set another location")
    return offered[default[-1]][0][-1]


def offered_versions(arm: Arm, config: AzureConfig) -> dict[str, tuple[list[str], bool]]:
    """Minor version -> its patches in rising order, and whether it is the default; no previews, no paid support."""
    listing = arm.clusters.managed_clusters.list_kubernetes_versions
    reply = arm.call("reading the Kubernetes versions", listing, config.location).body or {}
    found: dict[str, tuple[list[str], bool]] = {}
    for one in reply.get("values", []):
        plans = (one.get("capabilities") or {}).get("supportPlan") or []
        if one.get("isPreview") or (plans and "KubernetesOfficial" not in plans):
            continue
        patches = sorted(one.get("patchVersions") or {}, key=_key)
        if patches:
            found[one["version"]] = (patches, bool(one.get("isDefault")))
    return dict(sorted(found.items(), key=lambda item: _key(item[0])))


def _key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
