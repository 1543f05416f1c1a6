"""What is there now: read from Azure, or from a file for `plan --against`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelops_runtime.contracts.errors import UserError
from mops_azure import desired, parts
from mops_azure.config import AzureConfig
from mops_azure.errors import AzureError, is_absence
from mops_azure.late import late_resources, outbound_ids
from mops_azure.states import is_ours

if TYPE_CHECKING:
    from mops_azure.arm import Arm


def read_live(arm: Arm, config: AzureConfig) -> dict[str, Any]:
    """All resources of the desired state that are there, by id in lower case; and what else of ours is in the same groups, as a
    listing shows it."""
    live = _read(arm, [desired.group(config)])
    registry_group = desired.group_id(config, config.registry_group)
    if config.acr.enabled:
        live |= _read(arm, [desired.group(config, config.registry_group)])
    if config.acr.enabled and registry_group.lower() in live:
        live |= _read(arm, [desired.registry(config)])
    others = _ours_in(arm, registry_group, is_needed=config.acr.enabled)
    if desired.group_id(config).lower() not in live:
        return {**_unread(others, config), **live}  # no group: nothing in it
    others |= _ours_in(arm, desired.group_id(config))
    live |= _read(arm, [desired.cluster(config, version=None, ssh_key=None), desired.lock(config)])
    for one in parts.parts(config):
        if _parent(one.id) is None or _parent(one.id) in live:
            live |= _read(arm, [one])
    if config.postgres.enabled:
        live |= _outbound_addresses(arm, live.get(desired.cluster_id(config).lower()))
    return {**_unread(others, config), **live, **_children(arm, config, live), **_read_late(arm, config, live)}


def _unread(others: dict[str, Any], config: AzureConfig) -> dict[str, Any]:
    """Without what is read by itself: of that a listing says too little, and may be late."""
    read = [desired.cluster_id(config), *(one.id for one in parts.parts(config))]
    read += [desired.registry_id(config)] if config.acr.enabled else []
    return {id_: one for id_, one in others.items() if id_ not in [one.lower() for one in read]}


def _read(arm: Arm, wanted: list[desired.Resource]) -> dict[str, Any]:
    found = {one.id.lower(): arm.get(one.id, one.api_version, f"reading the {one.kind} {one.name}") for one in wanted}
    return {id_: one for id_, one in found.items() if one is not None}


def _ours_in(arm: Arm, group_id: str, *, is_needed: bool = True) -> dict[str, Any]:
    """`is_needed`: else who may not look there sees nothing there."""
    try:
        found = _listed(arm, f"{group_id}/resources", desired.GROUPS)
    except AzureError as error:
        if is_needed or error.status != 403:
            raise
        return {}
    return {id_: one for id_, one in found.items() if is_ours(one)}


def _listed(arm: Arm, path: str, api_version: str) -> dict[str, Any]:
    """By id in lower case; nothing where what it is asked of is not there."""
    try:
        found = list(arm.list(path, api_version, f"reading {path.rsplit('/', 1)[1]} of {path.split('/')[-2]}"))
    except AzureError as error:
        if not is_absence(path, error.status, {"code": error.code}):
            raise
        return {}
    return {str(one["id"]).lower(): one for one in found}


def _parent(id_: str) -> str | None:
    """Of a child such as a container or a database, the id of the account or server in lower case."""
    scope, _, kind = id_.lower().rpartition("/providers/")
    names = kind.split("/")
    return f"{scope}/providers/{'/'.join(names[:3])}" if len(names) > 3 else None


def _children(arm: Arm, config: AzureConfig, live: dict[str, Any]) -> dict[str, Any]:
    """All firewall rules of the database server and all federated credentials of the identity, whoever made them."""
    found: dict[str, Any] = {}
    for parent, kind, version in (
        (parts.server_id(config), "firewallRules", parts.POSTGRES),
        (parts.identity_id(config), "federatedIdentityCredentials", parts.IDENTITIES),
    ):
        if parent.lower() in live:
            found |= _listed(arm, f"{parent}/{kind}", version)
    return found


def _outbound_addresses(arm: Arm, cluster: Any) -> dict[str, Any]:
    found = {
        id_.lower(): arm.get(id_, parts.ADDRESSES, "reading the cluster's address") for id_ in outbound_ids(cluster)
    }
    return {id_: one for id_, one in found.items() if one is not None}


def _read_late(arm: Arm, config: AzureConfig, live: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for resource, waits in late_resources(config, live):
        if waits:
            continue
        if resource.kind == "role assignment":
            found |= _right(arm, resource, live)
        elif _parent(resource.id) in live:
            found |= _read(arm, [resource])
    return found


def _right(arm: Arm, resource: desired.Resource, live: dict[str, Any]) -> dict[str, Any]:
    """A role assignment under whatever name it was given."""
    scope = resource.id.split("/providers/Microsoft.Authorization")[0]
    if scope.lower() not in live:
        return {}
    wanted = resource.body["properties"]
    role, principal = wanted["roleDefinitionId"].rsplit("/", 1)[1], wanted["principalId"].lower()
    path = f"{scope}/providers/Microsoft.Authorization/roleAssignments?$filter=principalId%20eq%20'{principal}'"
    for found in arm.list(path, desired.ASSIGNMENTS, "reading role assignments"):
        said = found.get("properties", {})
        same_role = str(said.get("roleDefinitionId", "")).lower().endswith(role)
        if same_role and str(said.get("principalId", "")).lower() == principal:
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
    for one in content:
        if not _is_whole(one):
            raise UserError(f"{path}: {one['id']} is not as ARM returns it; give a file of --save-live")
    return {one["id"].lower(): one for one in content}


def _is_whole(one: dict[str, Any]) -> bool:
    """Its parts have the shapes that are relied on."""
    properties, tags = one.get("properties", {}), one.get("tags") or {}
    if not isinstance(properties, dict) or not isinstance(tags, dict):
        return False
    pools = properties.get("agentPoolProfiles") or []
    return isinstance(pools, list) and all(
        isinstance(pool, dict) and isinstance(pool.get("name"), str) for pool in pools
    )


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
