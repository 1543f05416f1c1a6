"""Compares desired with live state and plans the steps. Pure; no clock, no network."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Literal

from modelops_runtime.contracts.errors import UserError
from mops_azure import resources
from mops_azure.compare import differences
from mops_azure.config import AzureConfig
from mops_azure.errors import NotOurs
from mops_azure.kubernetes_versions import check_upgrade
from mops_azure.leftovers import children_left, resources_left
from mops_azure.merge import merged
from mops_azure.owned import with_removals
from mops_azure.resources.cluster import (
    cluster,
    cluster_id,
    for_existing,
    other_clusters,
    pools,
    power_of,
    pull_right,
    running_version,
)
from mops_azure.resources.group import group, group_name_in
from mops_azure.resources.kind import Difference, Live, Resource, is_ours
from mops_azure.resources.lock import lock
from mops_azure.resources.node_pool import pools_in
from mops_azure.resources.registry import registry, registry_id
from mops_azure.settings import MANAGED_BY
from mops_azure.states import going, has_failed, in_motion, not_going, state_of

Action = Literal["create", "update", "replace", "delete", "keep"]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One resource and the planned action."""

    action: Action
    resource: Resource
    live: Any = None
    differences: tuple[Difference, ...] = ()
    note: str = ""
    made_by: Literal["itself", "cluster", "later"] = "itself"
    """It is created with the cluster, or only after another resource exists."""

    @property
    def key(self) -> tuple[str, str]:
        return self.resource.kind, self.resource.name

    @property
    def body(self) -> dict[str, Any]:
        """The body of the PUT: for an existing resource, its properties overlaid with the desired ones."""
        if self.live is None:
            return with_removals(self.resource.body, {})
        return merged(replace(self.resource, body=with_removals(self.resource.body, self.live)), self.live)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All steps in the order in which they are done."""

    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.action != "keep")

    @property
    def replaced(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.action == "replace")


def under_way(live: Live) -> Iterator[Any]:
    """Resources that Azure is changing. A pool, which only its cluster shows, is listed separately."""
    for one in live.values():
        if in_motion(one):
            yield one
            continue
        for properties in pools_in(one):
            name = properties["name"]
            pool = {"id": f"{one['id']}/agentPools/{name}", "name": f"pool {name}", "properties": properties}
            if in_motion(pool):
                yield pool


def make_plan(
    config: AzureConfig,
    live: Live,
    *,
    version: str | None = None,
    ssh_key: str | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Plan:
    """`version` is what a new cluster gets when the config pins none, `ssh_key` its public key; `secrets` is what a new
    resource needs and Azure never shows, by its kind.
    Resources being deleted count as gone. Raises NotOurs if a resource of that name lacks our tags."""
    notes: list[str] = [*_going(live)]
    moving = [str(one.get("name")) for one in under_way(live) if state_of(one).lower() != "deleting"]
    live = not_going(live)
    steps = [_step(group(config), live)]
    _refuse_foreign(steps[0], config)
    existing = live.get(cluster_id(config).lower())
    for one in resources.apart(config):
        steps += _steps_apart(config, one, live)
    steps += [_resource_step(one, live, notes) for one in resources.independent(config, secrets=secrets)]
    steps += _cluster_steps(config, existing, version=version, ssh_key=ssh_key, notes=notes)
    if config.lock:
        steps.append(_step(lock(config), live))
    dependents = resources.dependent_resources(config, live)
    steps += [_dependent_step(resource, waits, live) for resource, waits in dependents]
    steps += [
        Step(action="delete", resource=one, live=live[one.id.lower()])
        for one in children_left(config, live, dependents)
    ]
    notes += _left_alone(config, live)
    if moving:
        notes.append(f"Azure is still at work on {', '.join(moving)}; that is waited for")
    return Plan(steps=tuple(steps), notes=tuple(notes))


def _going(live: Live) -> Iterator[str]:
    for id_ in going(live):
        kind = "resource group " if "/providers/" not in id_ else ""
        name = live[id_].get("name") or id_.rsplit("/", 1)[1]
        yield f"{kind}{name} is being deleted; `create` waits until it is gone, then makes all of it anew"


def _left_alone(config: AzureConfig, live: Live) -> Iterator[str]:
    """Existing resources that cost money or interfere, although the config does not mention them."""
    if other_clusters(config, live):
        yield f"clusters of ours that the config does not name go on, and cost: {', '.join(other_clusters(config, live))}"
    for one in resources_left(config, live):
        yield f"{one.kind} {one.name} is {one.why}; `az resource delete --ids {one.id}` takes it away"
    for kind in reversed(resources.KINDS):
        if kind.notes:
            yield from kind.notes(config, live)


def _steps_apart(config: AzureConfig, resource: Resource, live: Live) -> list[Step]:
    """A resource that may be shared, and its group."""
    step = _step(resource, live)
    group_step = _step(group(config, group_name_in(resource.id)), live)
    if step.live is not None and not is_ours(step.live):
        return [Step(action="keep", resource=step.resource, live=step.live, note="shared: used, never changed")]
    if group_step.live is not None and not is_ours(group_step.live):
        group_step = Step(
            action="keep", resource=group_step.resource, live=group_step.live, note="not ours: used, never changed"
        )
    return [group_step, step]


def _resource_step(resource: Resource, live: Live, notes: list[str]) -> Step:
    """Raises NotOurs if a resource of that name is not ours."""
    step = _step(_as_it_was_made(resource, live.get(resource.id.lower()), notes), live)
    if step.live is not None and "tags" in resource.body and not is_ours(step.live):
        raise NotOurs(
            f"{resource.kind} {resource.name} is there without the tag managedBy: {MANAGED_BY}; set another name for it"
        )
    return step


def _as_it_was_made(resource: Resource, found: Any, notes: list[str]) -> Resource:
    """With the live values of properties that are set once: a recreated vault is recovered with them."""
    body, shown = deepcopy(resource.body), (found or {}).get("properties") or {}
    for name in resources.BY_NAME[resource.kind].set_once:
        if name in shown and shown[name] != body["properties"][name]:
            notes.append(f"{resource.kind} {resource.name} keeps {name} {shown[name]}: Azure never changes it")
            body["properties"][name] = shown[name]
    return replace(resource, body=body)


def _dependent_step(resource: Resource, waits: str, live: Live) -> Step:
    return Step(action="create", resource=resource, note=waits, made_by="later") if waits else _step(resource, live)


def _cluster_steps(
    config: AzureConfig, live: Any, *, version: str | None, ssh_key: str | None, notes: list[str]
) -> list[Step]:
    """The cluster and its pools, the one pair of kinds of which one sends the other: a new cluster's body holds its pools, and an
    existing one shows them, while each then has a PUT of its own."""
    wanted = config.aks.version or (version if live is None else None)
    key = None if live is not None and config.ssh.source == "ephemeral" else ssh_key  # the key that is there stays
    resource = cluster(config, version=wanted, ssh_key=key)
    asked = pools(config)
    if live is None:
        made = [Step(action="create", resource=pool, note="with the cluster", made_by="cluster") for pool in asked]
        return [Step(action="create", resource=resource), *made]
    if not is_ours(live):
        raise NotOurs(
            f"cluster {config.aks.name} in {config.group_name} is there without the tag managedBy: {MANAGED_BY}; "
            "set another aks.name"
        )
    step = _judged(for_existing(resource, live), live)
    if config.aks.version is not None:
        check_upgrade(config.aks.version, running_version(live))
    found = {pool["name"].lower(): pool for pool in pools_in(live)}
    extra = sorted(set(found) - {pool.name for pool in asked})
    if extra:
        notes.append(f"pools that the config does not name are left alone: {', '.join(extra)}")
    if step.action == "replace":
        made = [Step(action="create", resource=pool, note="with the new cluster", made_by="cluster") for pool in asked]
        return [Step(**{**vars(step), "resource": resource}), *made]
    return [step, *(_pool_step(pool, found.get(pool.name)) for pool in asked)]


def _pool_step(pool: Resource, live: Any) -> Step:
    return Step(action="create", resource=pool) if live is None else _judged(pool, {"properties": live})


def _step(resource: Resource, live: Live) -> Step:
    found = live.get(resource.id.lower())
    return Step(action="create", resource=resource) if found is None else _judged(resource, found)


def _judged(resource: Resource, live: Any) -> Step:
    kind = resources.BY_NAME[resource.kind]
    found = differences(resource.body, live)
    if kind.back_to_default:
        found += kind.back_to_default(resource, live)
    if has_failed(live):
        # A half-made resource is repaired by the same PUT; only its state shows that it is half-made.
        found.append(Difference(path="properties.provisioningState", live=state_of(live), desired="Succeeded"))
    action: Action = "keep"
    if found:
        action = "replace" if any(_is_fixed(resource, one) for one in found) else "update"
    return Step(action=action, resource=resource, live=live, differences=tuple(found))


def forces_replacement(step: Step, difference: Difference) -> bool:
    """This difference is one that Azure cannot change in place."""
    return _is_fixed(step.resource, difference)


def _is_fixed(resource: Resource, difference: Difference) -> bool:
    return any(fnmatch.fnmatch(difference.path, one) for one in resources.BY_NAME[resource.kind].replacing)


def _refuse_foreign(step: Step, config: AzureConfig) -> None:
    if step.live is not None and not is_ours(step.live):
        raise NotOurs(
            f"resource group {step.resource.name} is there without the tag managedBy: {MANAGED_BY}; set another "
            f"resource_group, or allow it: az group update -n {step.resource.name} --set tags.managedBy={MANAGED_BY}"
        )


def refuse_if_stopped(config: AzureConfig, plan: Plan, live: Live) -> None:
    """Azure changes nothing in a stopped cluster. Raises UserError."""
    cluster = live.get(cluster_id(config).lower())
    touched = any(resources.BY_NAME[step.resource.kind].needs_running_cluster for step in plan.changes)
    if touched and power_of(cluster) == "Stopped":
        raise UserError(f"cluster {config.aks.name} is stopped and cannot be changed; `mops-azure start` first")


def refuse_replacements(plan: Plan) -> None:
    """Refuses to replace resources that must never be recreated. Raises UserError."""
    for step in plan.replaced:
        if way := resources.BY_NAME[step.resource.kind].deleted_by:
            changed = ", ".join(one.path for one in step.differences if forces_replacement(step, one))
            raise UserError(
                f"{step.resource.kind} {step.resource.name} cannot change its {changed}, and is never deleted to be made anew; "
                f"undo that change, or {way} first"
            )
    for step in plan.replaced:
        never_replaced = resources.BY_NAME[step.resource.kind].never_replaced
        if why := never_replaced and never_replaced(step.resource):
            raise UserError(why)


def make_registry_plan(config: AzureConfig, live: Live) -> Plan:
    """The registry and its group alone."""
    return Plan(steps=tuple(_steps_apart(config, registry(config), not_going(live))), notes=tuple(_going(live)))


def make_attach_plan(config: AzureConfig, live: Live) -> Plan:
    """The nodes' right to pull from the registry alone."""
    cluster = live.get(cluster_id(config).lower())
    if cluster is None:
        raise UserError(f"there is no cluster {config.aks.name} in {config.group_name}; `mops-azure create` makes it")
    if registry_id(config).lower() not in live:
        raise UserError(
            f"there is no registry {config.registry_name} in {config.registry_group}; `mops-azure registry create` makes it"
        )
    return Plan(steps=(_dependent_step(*pull_right(config, live), live),))
