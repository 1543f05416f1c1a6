"""The live state: read from Azure, or from a file for `plan --against`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelops_runtime.contracts.errors import UserError
from mops_azure import resources
from mops_azure.config import AzureConfig
from mops_azure.errors import AzureError
from mops_azure.kubernetes_versions import numbers
from mops_azure.resources.cluster import cluster, cluster_id
from mops_azure.resources.group import GROUPS, group, group_id, group_name_in
from mops_azure.resources.kind import Equals, Kind, Resource, is_on, is_ours
from mops_azure.resources.lock import lock

if TYPE_CHECKING:
    from mops_azure.transport import ArmClient


Denied = dict[str, str]
"""What may not be read: a resource's id or a listing's path in lower case, or another request -> a line with the right that
is missing."""

Found = dict[str, Any]
"""By id in lower case."""


def read_live(arm: ArmClient, config: AzureConfig, denied: Denied | None = None) -> Found:
    """All existing resources of the desired state, and our other resources in the same groups as listings show them.

    A lock, a role assignment, an address or a listing that may not be read counts as absent and is noted in `denied`, since
    nothing else depends on it. If the caller passes `denied`, the same holds for the registry and the resources beside the
    cluster; the caller must then leave alone what `denied` names.
    """
    reader = _Reader(arm=arm, denied={} if denied is None else denied, is_told=denied is not None)
    live = reader.all_of(group(config))
    for one in resources.apart(config):
        its_group = reader.read(group(config, group_name_in(one.id)))
        live |= {**its_group, **reader.read(one)} if its_group else {}
    others = _ours_beside(reader, config, live)
    if group_id(config).lower() not in live:
        return {**others, **live}  # no group: nothing in it
    live |= reader.all_of(cluster(config, version=None, ssh_key=None))
    keep = lock(config)
    live |= reader.if_allowed(keep.id, lambda: reader.all_of(keep))
    for one in resources.independent(config):
        if _parent(one.id) is None or _parent(one.id) in live:
            live |= reader.read(one)
    for kind in resources.KINDS:
        if kind.also_read and is_on(kind, config):
            live |= reader.if_allowed(kind.name, lambda kind=kind, seen=live: _also_read(arm, config, kind, seen))
    return {**others, **live, **_children(reader, config, live), **_dependents(reader, config, live)}


@dataclass(frozen=True, kw_only=True)
class _Reader:
    """Reads with the caller's rights, and notes in `denied` what they do not cover."""

    arm: ArmClient
    denied: Denied
    is_told: bool
    """The caller looks at `denied`."""

    def all_of(self, one: Resource) -> Found:
        """The resource, if it exists. Raises AzureError if it may not be read."""
        found = self.arm.get(one.id, one.api_version, f"reading the {one.kind} {one.name}")
        return {} if found is None else {one.id.lower(): found}

    def read(self, one: Resource) -> Found:
        """The resource, if it exists. Raises AzureError if it may not be read and the caller does not look at `denied`."""
        return self.if_allowed(one.id, lambda: self.all_of(one)) if self.is_told else self.all_of(one)

    def listed(self, path: str, api_version: str) -> Found:
        return self.if_allowed(path, lambda: _listed(self.arm, path, api_version))

    def if_allowed(self, what: str, read: Callable[[], Found]) -> Found:
        try:
            return read()
        except AzureError as error:
            if not error.is_denied:
                raise
            self.denied[what.lower()] = str(error)
            return {}


def _ours_beside(reader: _Reader, config: AzureConfig, live: Found) -> Found:
    """Our other resources in the groups of the cluster and of kinds apart, as listings show them. Those that are read one by one
    are left out, since listings are incomplete and may be late."""
    own_group = group_id(config)
    found: Found = {}
    for group_apart, is_used in resources.groups_apart(config).items():
        if is_used:
            found |= reader.listed(f"{group_apart}/resources", GROUPS)
        elif group_apart.lower() != own_group.lower():  # a user who may not read that group has nothing in it
            found |= _Reader(arm=reader.arm, denied={}, is_told=False).listed(f"{group_apart}/resources", GROUPS)
    if own_group.lower() in live:
        found |= reader.listed(f"{own_group}/resources", GROUPS)
    read = (*resources.independent(config), *resources.apart(config))
    by_itself = {cluster_id(config).lower(), *(one.id.lower() for one in read)}
    return {id_: one for id_, one in found.items() if is_ours(one) and id_ not in by_itself}


def _listed(arm: ArmClient, path: str, api_version: str) -> Found:
    """The resources of a listing; none if the resource that they are in does not exist."""
    try:
        found = list(arm.list(path, api_version, f"reading {path.rsplit('/', 1)[1]} of {path.split('/')[-2]}"))
    except AzureError as error:
        if not error.is_absence_of(path):
            raise
        return {}
    return {str(one["id"]).lower(): one for one in found}


def _parent(id_: str) -> str | None:
    """The id, in lower case, of the account or server that holds a child such as a container or a database; None for a resource
    that is no child."""
    scope, _, kind = id_.lower().rpartition("/providers/")
    names = kind.split("/")
    return f"{scope}/providers/{'/'.join(names[:3])}" if len(names) > 3 else None


def _children(reader: _Reader, config: AzureConfig, live: Found) -> Found:
    """Resources of the kinds that are read as whole lists, whoever created them; of existing parents only."""
    found: Found = {}
    for kind, path in resources.listed_kinds(config):
        if path.rpartition("/")[0].lower() in live:
            found |= reader.listed(path, kind.api_version)
    return found


def _also_read(arm: ArmClient, config: AzureConfig, kind: Kind, live: Found) -> Found:
    wanted = kind.also_read(config, live) if kind.also_read else []
    found = {id_.lower(): arm.get(id_, kind.api_version, doing) for id_, doing in wanted}
    return {id_: one for id_, one in found.items() if one is not None}


def _dependents(reader: _Reader, config: AzureConfig, live: Found) -> Found:
    found: Found = {}
    for resource, waits in resources.dependent_resources(config, live):
        if waits:
            continue
        if equals := resources.BY_NAME[resource.kind].equals:
            to_find = equals(resource)
            found |= reader.if_allowed(
                resource.id, lambda one=resource, way=to_find: _by_content(reader.arm, config, one, way, live)
            )
        elif _parent(resource.id) in live:
            found |= reader.read(resource)
    return found


def _by_content(arm: ArmClient, config: AzureConfig, resource: Resource, to_find: Equals, live: Found) -> Found:
    """The resource, or one with the same content under another name."""
    scope = resource.id.rpartition("/providers/")[0]
    if scope.lower() not in live and scope != config.network.subnet_id:  # the subnet is another's, and is there
        return {}
    for found in arm.list(to_find.path, resource.api_version, f"reading {resource.kind}s"):
        if to_find.is_equal(found):
            return {resource.id.lower(): found}
    return {}


def live_from_file(path: Path) -> Found:
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


def newest_default_version(arm: ArmClient, config: AzureConfig) -> str:
    """The location's default minor version, its latest patch."""
    offered = offered_versions(arm, config)
    default = [minor for minor, (_, is_default) in offered.items() if is_default] or list(offered)
    if not default:
        raise UserError(f"location {config.location} offers no Kubernetes version; set another location")
    return offered[default[-1]][0][-1]


def offered_versions(arm: ArmClient, config: AzureConfig) -> dict[str, tuple[list[str], bool]]:
    """Minor version -> its patches in rising order, and whether it is the default; no previews, no paid support."""
    listing = arm.clusters.managed_clusters.list_kubernetes_versions
    reply = arm.call("reading the Kubernetes versions", listing, config.location).body or {}
    found: dict[str, tuple[list[str], bool]] = {}
    for one in reply.get("values", []):
        plans = (one.get("capabilities") or {}).get("supportPlan") or []
        if one.get("isPreview") or (plans and "KubernetesOfficial" not in plans):
            continue
        patches = sorted(one.get("patchVersions") or {}, key=numbers)
        if patches:
            found[one["version"]] = (patches, bool(one.get("isDefault")))
    return dict(sorted(found.items(), key=lambda item: numbers(item[0])))
