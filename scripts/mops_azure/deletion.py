"""What a deletion would remove, and whether it is allowed. Pure except `inventory`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelops_runtime.contracts.errors import UserError
from mops_azure.config import AzureConfig
from mops_azure.errors import AzureError, NotAllowed, NotOurs
from mops_azure.resources import BY_TYPE, identity, lock, role
from mops_azure.resources.cluster import CLUSTERS, cluster_id, cluster_principal, kubelet_principal
from mops_azure.resources.group import GROUPS, group, group_id
from mops_azure.resources.kind import Kind, Resource, is_on, is_ours
from mops_azure.resources.lock import LOCK_NAME, LOCKS, is_our_lock
from mops_azure.resources.logs import is_of_monitoring
from mops_azure.resources.node_pool import pools_in
from mops_azure.resources.registry import registry_id
from mops_azure.resources.role import ASSIGNMENTS, NETWORK_CONTRIBUTOR, scope_of
from mops_azure.settings import MANAGED_BY

if TYPE_CHECKING:
    from mops_azure.transport import ArmClient
    from mops_azure.waiting import Session


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """One resource group and everything in it; a group that is None does not exist."""

    group_name: str
    group: Any
    members: tuple[Any, ...] = ()
    cluster: Any = None
    node_group: str = ""
    node_members: tuple[Any, ...] = ()
    """Disks, addresses and machines that Azure created for the cluster and deletes with it."""
    locks: tuple[Any, ...] = ()
    of_monitoring: tuple[Any, ...] = ()
    """Those of `members` that the cluster's monitoring add-on created; they carry no tags and are deleted with it."""
    rights: tuple[Any, ...] = ()
    """Role assignments of deleted identities on resources that stay; they would be orphaned."""
    denied: tuple[str, ...] = ()
    """Rights that may not be read, a line each."""

    @property
    def foreign(self) -> tuple[Any, ...]:
        return tuple(one for one in self.members if not is_ours(one) and one not in self.of_monitoring)

    @property
    def our_locks(self) -> tuple[Any, ...]:
        return tuple(one for one in self.locks if is_our_lock(one))


def inventory(arm: ArmClient, config: AzureConfig, name: str) -> Inventory:
    """Read the contents of the group `name`. A group that disappears meanwhile counts as gone."""
    try:
        return _inventory(arm, config, name)
    except AzureError as error:
        if error.status != 404 or arm.get(group_id(config, name), GROUPS, "reading the group") is not None:
            raise
        return Inventory(group_name=name, group=None)


def _inventory(arm: ArmClient, config: AzureConfig, name: str) -> Inventory:
    id_ = group_id(config, name)
    doing = f"reading the resource group {name}"
    found = arm.get(id_, GROUPS, doing)
    if found is None:
        return Inventory(group_name=name, group=None)
    members = tuple(arm.list(f"{id_}/resources", GROUPS, doing))
    locks = tuple(arm.list(f"{id_}/providers/Microsoft.Authorization/locks", LOCKS, doing))
    cluster, of_monitoring, rights, denied = None, (), (), ()
    if name == config.group_name:
        of_monitoring = tuple(one for one in members if is_of_monitoring(config, one))
        cluster = arm.get(cluster_id(config), CLUSTERS, "reading the cluster")
        rights, denied = _rights_elsewhere(arm, config, cluster)
    node_group = ((cluster or {}).get("properties") or {}).get("nodeResourceGroup") or ""
    inside: tuple[Any, ...] = ()
    if node_group and arm.get(group_id(config, node_group), GROUPS, doing) is not None:
        inside = tuple(arm.list(f"{group_id(config, node_group)}/resources", GROUPS, doing))
    return Inventory(
        group_name=name,
        group=found,
        members=members,
        cluster=cluster,
        node_group=node_group,
        node_members=inside,
        locks=locks,
        of_monitoring=of_monitoring,
        rights=rights,
        denied=denied,
    )


def lines(found: Inventory) -> list[str]:
    """What would be deleted, one resource a line."""
    if found.group is None:
        return [f"resource group {found.group_name} is not there: nothing to delete"]
    result = [f"  - resource group {found.group_name}"]
    made = ", which the monitoring of the cluster made"
    result += [f"  - {_title(one)}{made if one in found.of_monitoring else ''}" for one in found.members]
    if found.node_group:
        result.append(
            f"  - resource group {found.node_group}, which Azure made for the nodes; what is on its disks is lost"
        )
    result += [f"  - {_title(one)}" for one in found.node_members]
    result += [f"  - role assignment on {scope_of(one['id'])}, which stays" for one in found.rights]
    result += [f"  - lock {one['name']}" for one in found.our_locks]
    return result


def _title(one: Any) -> str:
    kind = str(one.get("type", "resource"))
    known = BY_TYPE.get(kind.lower())
    lost = known.lost_with_it if known else ""
    return f"{kind} {one.get('name', one.get('id'))}{f', {lost}' if lost else ''}"


def check(found: Inventory, *, unlock: bool) -> None:
    """Raises NotOurs or UserError if the group must not be deleted."""
    name = found.group_name
    if found.group is None:
        return
    if not is_ours(found.group):
        raise NotOurs(f"resource group {name} does not carry the tag managedBy: {MANAGED_BY}; it is not ours to delete")
    if found.foreign:
        listed = ", ".join(_title(one) for one in found.foreign)
        raise NotOurs(
            f"resource group {name} also holds what we did not make: {listed}; move or delete that first, nothing was deleted"
        )
    others = [one["name"] for one in found.locks if not is_our_lock(one)]
    if others:
        raise NotOurs(
            f"resource group {name} is locked by {', '.join(others)}, which is not ours; its owner can remove it"
        )
    if found.our_locks and not unlock:
        raise UserError(f"resource group {name} is locked by {LOCK_NAME}; say --unlock to remove that lock too")


def check_again(seen: Inventory, now: Inventory, *, unlock: bool) -> None:
    """Raises UserError if more would be deleted than was `seen` and confirmed, or if it must not be deleted any more."""
    check(now, unlock=unlock)
    known = {_id(one) for one in (*seen.members, *seen.node_members, *seen.locks)}
    new = [_title(one) for one in (*now.members, *now.node_members) if _id(one) not in known]
    new += [f"lock {one['name']}" for one in now.locks if _id(one) not in known]
    if now.group is not None and seen.group is None:
        new.insert(0, f"resource group {now.group_name} itself")
    if new:
        raise UserError(
            f"resource group {now.group_name} has changed since it was listed: {', '.join(new)} is new; the group was not "
            "deleted, run the same command again to see all that goes"
        )


def _id(one: Any) -> str:
    return str(one.get("id") or _title(one)).lower()


def carry_out(session: Session, config: AzureConfig, found: Inventory) -> None:
    """Delete locks, rights on resources that stay, then the group with its contents. Safe to run again from any point.
    Raises NotAllowed at the end for rights that could not be removed: the group does not depend on them."""
    from mops_azure.waiting import remove

    denied = list(found.denied)
    for one in found.our_locks:
        _remove(session, remove, lock.KIND, one)
    for one in found.rights:
        try:
            _remove(session, remove, role.KIND, one)
        except AzureError as error:
            if not error.is_denied:
                raise
            denied.append(f"{error}; then: az role assignment delete --ids {one['id']}")
    if found.group is not None:
        session.say(f"resource group {found.group_name}: deleting")
        remove(session, group(config, found.group_name))
    if denied:
        lines = "\n".join(denied)
        raise NotAllowed(f"resource group {found.group_name} is gone; what is left over for want of a right:\n{lines}")


def _remove(session: Session, remove: Callable[[Session, Resource], None], kind: Kind, one: Any) -> None:
    session.say(f"{kind.name} {one['name']}: deleting")
    remove(session, Resource(kind=kind.name, name=one["name"], id=one["id"], api_version=kind.api_version, body={}))


def _rights_elsewhere(arm: ArmClient, config: AzureConfig, cluster: Any) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    """Role assignments of the cluster's identities on the registry and on subnets, and a line for each scope that may not be
    read."""
    principals = [kubelet_principal(cluster)] if config.acr.enabled else []
    if config.acr.enabled and is_on(identity.IDENTITY, config):
        pods = arm.get(identity.identity_id(config), identity.IDENTITIES, "reading the identity")
        principals.append(((pods or {}).get("properties") or {}).get("principalId"))
    wanted = [(registry_id(config), one, "") for one in principals if one]
    own = cluster_principal(cluster)
    wanted += [(subnet, own, NETWORK_CONTRIBUTOR) for subnet in _subnets(config, cluster) if own]
    found: dict[str, Any] = {}
    denied: list[str] = []
    for scope, principal, role_id in wanted:
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments?$filter=principalId%20eq%20'{principal}'"
        try:
            found |= {one["id"].lower(): one for one in arm.list(path, ASSIGNMENTS, "reading rights")
                      if _is_right(one, scope, principal, role_id)}  # fmt: skip
        except AzureError as error:
            # Another owner's subnet may be in another subscription.
            if error.is_denied or error.code == "SubscriptionNotFound":
                denied.append(str(error))
            elif error.status != 404:  # the registry, or the network, is gone
                raise
    return tuple(found.values()), tuple(denied)


def _subnets(config: AzureConfig, cluster: Any) -> list[str]:
    """Subnets of the config and of existing pools, each once."""
    found = [config.network.subnet_id, *(pool.get("vnetSubnetID") for pool in pools_in(cluster))]
    return list({one.lower(): one for one in found if one}.values())


def _is_right(one: Any, scope: str, principal: str, role: str) -> bool:
    """Whether it is assigned on this resource itself; a listing also shows assignments inherited from above."""
    properties = one.get("properties") or {}
    same = str(properties.get("principalId", "")).lower() == principal.lower()
    given_at = str(properties.get("scope") or scope_of(one["id"])).lower()
    return same and given_at == scope.lower() and str(properties.get("roleDefinitionId", "")).lower().endswith(role)
