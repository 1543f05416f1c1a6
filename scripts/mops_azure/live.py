"""What is there now: read from Azure, or from a file for `plan --against`."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelops_runtime.contracts.errors import UserError
from mops_azure import desired, parts
from mops_azure.config import AzureConfig
from mops_azure.errors import AzureError
from mops_azure.late import late_resources, outbound_ids

if TYPE_CHECKING:
    from mops_azure.arm import Arm


Denied = dict[str, str]
"""What may not be read: a resource's id in lower case, or what was asked for -> a line with the right that is missing."""


def read_live(arm: Arm, config: AzureConfig, denied: Denied | None = None) -> dict[str, Any]:
    """All resources of the desired state that are there, by id in lower case. A lock, a role assignment and an address that
    may not be read count as not there, and go to `denied`: all else does not depend on them. So do the registry and the parts
    beside the cluster where the caller gives `denied`, and leaves alone what it names."""
    is_told, denied = denied is not None, {} if denied is None else denied

    def part(one: desired.Resource) -> dict[str, Any]:
        return _if_allowed(denied, one.id, lambda: _read(arm, [one])) if is_told else _read(arm, [one])

    live = _read(arm, [desired.group(config)])
    if config.acr.enabled:
        live |= part(desired.group(config, config.registry_group))
        if desired.group_id(config, config.registry_group).lower() in live:
            live |= part(desired.registry(config))
    if desired.group_id(config).lower() not in live:
        return live  # no group: nothing in it
    live |= _read(arm, [desired.cluster(config, version=None, ssh_key=None)])
    lock = desired.lock(config)
    live |= _if_allowed(denied, lock.id, lambda: _read(arm, [lock]))
    if desired.cluster_id(config).lower() not in live:
        live |= _clusters(arm, config)
    for one in parts.parts(config):
        if _parent(one.id) is None or _parent(one.id) in live:
            live |= part(one)
    if config.postgres.enabled:
        cluster = live.get(desired.cluster_id(config).lower())
        live |= _if_allowed(denied, "addresses", lambda: _outbound_addresses(arm, cluster))
    return live | _read_late(arm, config, live, denied)


def _if_allowed(denied: Denied, what: str, read: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return read()
    except AzureError as error:
        if not error.is_denied:
            raise
        denied[what.lower()] = str(error)
        return {}


def _read(arm: Arm, wanted: list[desired.Resource]) -> dict[str, Any]:
    found = {one.id.lower(): arm.get(one.id, one.api_version, f"reading the {one.kind} {one.name}") for one in wanted}
    return {id_: one for id_, one in found.items() if one is not None}


def _clusters(arm: Arm, config: AzureConfig) -> dict[str, Any]:
    """The clusters in the group, without their properties: one of another name is perhaps ours from before."""
    members = arm.list(f"{desired.group_id(config)}/resources", desired.GROUPS, "reading what is in the group")
    kind = "microsoft.containerservice/managedclusters"
    return {str(one["id"]).lower(): one for one in members if str(one.get("type")).lower() == kind}


def _parent(id_: str) -> str | None:
    """Of a child such as a container or a database, the id of the account or server in lower case."""
    scope, _, kind = id_.lower().rpartition("/providers/")
    names = kind.split("/")
    return f"{scope}/providers/{'/'.join(names[:3])}" if len(names) > 3 else None


def _outbound_addresses(arm: Arm, cluster: Any) -> dict[str, Any]:
    found = {
        id_.lower(): arm.get(id_, parts.ADDRESSES, "reading the cluster's address") for id_ in outbound_ids(cluster)
    }
    return {id_: one for id_, one in found.items() if one is not None}


def _read_late(arm: Arm, config: AzureConfig, live: dict[str, Any], denied: Denied) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for resource, waits in late_resources(config, live):
        if waits:
            continue
        if resource.kind == "role assignment":
            found |= _if_allowed(denied, resource.id, partial(_right, arm, config, resource, live))
        elif _parent(resource.id) in live:
            found |= _read(arm, [resource])
    return found


def _right(arm: Arm, config: AzureConfig, resource: desired.Resource, live: dict[str, Any]) -> dict[str, Any]:
    """A role assignment under whatever name it was given."""
    scope = resource.id.split("/providers/Microsoft.Authorization")[0]
    if scope.lower() not in live and scope != config.network.subnet_id:  # the subnet is another's, and is there
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
