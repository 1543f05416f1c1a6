"""Which machines the subscription may use at the config's location: sizes, zones and cores of the quota.

Only pools have machines that the quota counts, and only a cluster has pools, so this file names these two kinds.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelops_runtime.contracts.errors import UserError
from mops_azure.config import AzureConfig
from mops_azure.errors import AzureError
from mops_azure.plan import Plan, Step
from mops_azure.resources.cluster import cluster_id
from mops_azure.resources.group import GROUPS, group_id
from mops_azure.resources.kind import Live
from mops_azure.resources.node_pool import pools_in
from mops_azure.states import has_failed, state_of

if TYPE_CHECKING:
    from mops_azure.transport import ArmClient

COMPUTE_SKUS = "2021-07-01"
COMPUTE = "2025-04-01"
ASK_FOR_MORE = "ask for more in the portal under Subscription > Usage + quotas"
PICK_ANOTHER = "pick another vm_size or location (`az vm list-skus`)"


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Of one location."""

    sizes: Mapping[str, Any]
    """VM size in lower case -> Azure's description of it."""
    left: Mapping[str, tuple[str, int]]
    """Name of a quota in lower case -> its spelling, and the remaining cores."""

    def quotas_of(self, size: str, *, spot: bool) -> list[str]:
        """Names of quotas in lower case, each counted in cores. Empty for a size that does not exist."""
        sku = self.sizes.get(size.lower())
        if sku is None:
            return []
        family = str(sku.get("family") or "").lower()
        return ["lowprioritycores"] if spot else [one for one in (family, "cores") if one]

    def cores(self, size: str) -> int:
        """Cores of one machine; 0 if unknown."""
        known = (self.sizes.get(size.lower()) or {}).get("capabilities") or []
        return int(next((one["value"] for one in known if one["name"] == "vCPUs"), 0))

    def closed(self, size: str, zones: Iterable[str], location: str) -> tuple[str, str] | None:
        """Why machines of that size are not available there, and what to do."""
        sku = self.sizes.get(size.lower())
        if sku is None:
            return f"{size} does not exist in {location}", PICK_ANOTHER
        for one in sku.get("restrictions") or []:
            if one.get("type") == "Location":
                return f"{size} is not open to this subscription", PICK_ANOTHER
            shut = sorted(set(zones) & set((one.get("restrictionInfo") or {}).get("zones") or []))
            if shut:
                return (
                    f"{size} is not open to this subscription in zone {', '.join(shut)}",
                    "take these zones out of the config",
                )
        offered = {zone for one in sku.get("locationInfo") or [] for zone in one.get("zones") or []}
        missing = sorted(set(zones) - offered)
        if missing:
            return f"{size} is not in zone {', '.join(missing)}", "take these zones out of the config"
        return None


def read_capacity(arm: ArmClient, config: AzureConfig) -> Capacity:
    base = f"/subscriptions/{config.subscription_id}/providers/Microsoft.Compute"
    path = f"{base}/skus?$filter=location%20eq%20'{config.location}'"
    sizes = {
        str(one["name"]).lower(): one
        for one in arm.list(path, COMPUTE_SKUS, "reading the VM sizes")
        if one.get("resourceType") == "virtualMachines"
    }
    usages = arm.list(f"{base}/locations/{config.location}/usages", COMPUTE, "reading the quota")
    names = {str(one["name"]["value"]): int(one["limit"]) - int(one["currentValue"]) for one in usages}
    return Capacity(sizes=sizes, left={name.lower(): (name, left) for name, left in names.items()})


def check_replaced(arm: ArmClient, config: AzureConfig, plan: Plan, live: Live, say: Callable[[str], None]) -> None:
    """Check that what is deleted to be recreated is available: the minimum of each pool, at least one machine.
    Raises UserError, before anything is deleted."""
    anew = _made_anew(plan)
    if not anew:
        return
    try:
        capacity = read_capacity(arm, config)
    except AzureError as error:
        if error.status != 404:
            raise
        say(f"whether the new machines can be had is not known: {error}")
        return
    needed, found = Counter[str](), []
    for step in anew:
        wanted = step.resource.body["properties"]
        size, zones = wanted["vmSize"], wanted.get("availabilityZones") or []
        closed = capacity.closed(size, zones, config.location)
        if closed:
            found.append(f"pool {step.resource.name}: {closed[0]}; {closed[1]}")
            continue
        for quota in capacity.quotas_of(size, spot=wanted.get("scaleSetPriority") == "Spot"):
            needed[quota] += capacity.cores(size) * max(1, wanted.get("minCount") or 0)
    freed = _freed(capacity, plan, live)
    for quota, cores in needed.items():
        name, left = capacity.left.get(quota, (quota, cores))
        if left + freed[quota] < cores:
            found.append(
                f"quota {name}: {cores} cores needed for {', '.join(step.resource.name for step in anew)}, {left} left"
                + (f" and {freed[quota]} freed" if freed[quota] else "")
                + f"; {PICK_ANOTHER}, or {ASK_FOR_MORE}"
            )
    if found:
        raise UserError(f"{'. '.join(found)}. Nothing was deleted")


def _made_anew(plan: Plan) -> list[Step]:
    """Pools that are replaced, alone or with their cluster."""
    with_cluster = any(step.resource.kind == "cluster" for step in plan.replaced)
    pools = [step for step in plan.steps if step.resource.kind == "pool"]
    return pools if with_cluster else [step for step in pools if step.action == "replace"]


def _freed(capacity: Capacity, plan: Plan, live: Live) -> Counter[str]:
    """Cores that each quota regains when the old pools are gone."""
    cluster = next((step for step in plan.replaced if step.resource.kind == "cluster"), None)
    old = [step.live["properties"] for step in plan.replaced if step.resource.kind == "pool"]
    if cluster is not None:
        old = pools_in(cluster.live)
    freed = Counter[str]()
    for pool in old:
        size = str(pool.get("vmSize"))
        if state_of({"properties": pool}).lower() == "failed":
            continue  # how many of its machines were created is unknown
        for quota in capacity.quotas_of(size, spot=pool.get("scaleSetPriority") == "Spot"):
            freed[quota] += capacity.cores(size) * (pool.get("count") or 0)
    return freed


def holds_nothing(arm: ArmClient, config: AzureConfig, live: Live, step: Step) -> bool:
    """Whether it is a failed pool that never had a machine, for example for lack of quota: recreating it loses nothing."""
    if step.resource.kind != "pool" or not has_failed(step.live):
        return False
    if not step.live["properties"].get("count"):
        return True
    cluster = live.get(cluster_id(config).lower()) or {}
    node_group = (cluster.get("properties") or {}).get("nodeResourceGroup")
    if not node_group:
        return True
    path = f"{group_id(config, node_group)}/resources"
    try:
        members = arm.list(path, GROUPS, "reading the nodes")
        name = re.compile(rf"aks-{re.escape(step.resource.name)}-\d+-vmss", re.IGNORECASE)
        return not any(name.fullmatch(str(one.get("name"))) for one in members)
    except AzureError as error:
        if not error.is_absence_of(path):
            raise
        return True
