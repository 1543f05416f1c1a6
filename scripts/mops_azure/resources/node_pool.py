"""A pool of nodes; those of a new cluster are sent in its body."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field

from modelops_runtime.options.base import Mistake, StrictModel
from mops_azure.fields import LabelKey, LabelValue, PoolName, Taints, VmSize, Zones
from mops_azure.resources.kind import Comparison, Difference, Kind, Resource

CLUSTERS = "2026-05-01"
"""Microsoft.ContainerService: the newest version whose published types the tests hold."""

SYSTEM = "system"
"""Name of the pool that every cluster has."""

OWN_TAINTS = {"gpu": "sku=gpu:NoSchedule", "spot": "kubernetes.azure.com/scalesetpriority=spot:NoSchedule"}
"""Key of a pool -> the taint that it means."""


class PoolSpec(StrictModel):
    """A pool of nodes that grows and shrinks with the work."""

    name: PoolName = Field(default="workcpu", description="the pool's name")
    vm_size: VmSize = Field(default="Standard_D4s_v5", description="of each node")
    min: int = Field(default=0, ge=0, le=1000, description="nodes, at least; 0 costs nothing while nobody works")
    max: int = Field(default=5, ge=1, le=1000, description="nodes, at most")
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict, description="on each node")
    taints: Taints = Field(default_factory=list, description="key=value:NoSchedule")
    spot: bool = Field(default=False, description="cheaper nodes that Azure may take away at any time")
    zones: Zones = Field(default_factory=list, description="availability zones")
    gpu: bool = Field(default=False, description="a pool of GPU nodes: labelled, and tainted sku=gpu:NoSchedule")
    os_disk_gb: int | None = Field(default=None, ge=30, le=2048, description="GB; Azure's default when left out")

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        low, high = given.get("min", 0), given.get("max", 5)
        found = []
        if type(low) is int and type(high) is int and low > high:
            found.append(Mistake(("min",), f"min is {low}, above max {high}", "min must be at most max"))
        taints = given.get("taints")
        for key, taint in OWN_TAINTS.items():
            if given.get(key) is True and isinstance(taints, list) and taint in taints:
                found.append(
                    Mistake(("taints",), f"{taint} would be there twice", f"leave it out, {key} puts it there")
                )
        return found


class SystemPoolSpec(StrictModel):
    """The nodes that carry Kubernetes' own pods, the Dask scheduler and the ledger."""

    vm_size: VmSize = "Standard_D4s_v5"
    min: int = Field(default=1, ge=1, le=100, description="nodes, at least")
    max: int = Field(default=3, ge=1, le=100, description="nodes, at most")
    zones: Zones = Field(default_factory=list)

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        low, high, size = given.get("min", 1), given.get("max", 3), given.get("vm_size")
        found = []
        if type(low) is int and type(high) is int and low > high:
            found.append(Mistake(("min",), f"min is {low}, above max {high}", "min must be at most max"))
        if isinstance(size, str) and re.match(r"(Standard_B\d|Basic_)", size):
            found.append(
                Mistake(
                    ("vm_size",), f"{size} cannot carry a system pool", "write one of 2 cores or more, not a B size"
                )
            )
        return found


def workload_properties(pool: PoolSpec) -> dict[str, Any]:
    role = "gpu" if pool.gpu else "cpu"
    body: dict[str, Any] = {
        "mode": "User",
        "vmSize": pool.vm_size,
        "count": pool.min,
        "minCount": pool.min,
        "maxCount": pool.max,
        "nodeLabels": {"modelops.io/role": role, **pool.labels},
        "availabilityZones": list(pool.zones),
    }
    taints = [*pool.taints, *(["sku=gpu:NoSchedule"] if pool.gpu else [])]
    if pool.spot:
        # Azure adds this label and this taint to spot nodes; they are set here so that they do not show as a difference later.
        body |= {"scaleSetPriority": "Spot", "scaleSetEvictionPolicy": "Delete", "spotMaxPrice": -1}
        body["nodeLabels"] = {**body["nodeLabels"], "kubernetes.azure.com/scalesetpriority": "spot"}
        taints.append("kubernetes.azure.com/scalesetpriority=spot:NoSchedule")
    body["nodeTaints"] = taints
    if pool.os_disk_gb:
        body["osDiskSizeGB"] = pool.os_disk_gb
    return body


def _kept(body: dict[str, Any], asked: Mapping[str, Any], live: Mapping[str, Any]) -> None:
    """An autoscaled pool keeps its node count."""
    properties = body["properties"]
    properties.pop("name", None)  # only a pool inside the body of its cluster has a name there
    if asked["properties"].get("enableAutoScaling"):
        count = live["properties"].get("count", properties["minCount"])
        properties["count"] = max(properties["minCount"], min(count, properties["maxCount"]))


def pools_in(cluster: Any) -> list[dict[str, Any]]:
    """The pools that a live cluster shows; none for any other resource."""
    return ((cluster or {}).get("properties") or {}).get("agentPoolProfiles") or []


def _never_replaced(resource: Resource) -> str:
    if resource.name != SYSTEM:
        return ""
    return (
        "the system pool cannot be replaced in place, a cluster must always have one; undo that change, "
        "or `mops-azure delete` and create anew"
    )


def back_to_default(resource: Resource, live: Any) -> Iterator[Difference]:
    """Azure's defaults of pool properties that were once set and no longer are."""
    asked, shown = resource.body["properties"], (live or {}).get("properties") or {}
    if "scaleSetPriority" not in asked and str(shown.get("scaleSetPriority") or "Regular").lower() != "regular":
        yield Difference(path="properties.scaleSetPriority", live=shown["scaleSetPriority"], desired="Regular")
    if "vnetSubnetID" not in asked and shown.get("vnetSubnetID"):
        yield Difference(path="properties.vnetSubnetID", live=shown["vnetSubnetID"], desired=None)
    disk, usual = shown.get("osDiskSizeGB"), usual_disks(str(shown.get("vmSize")))
    is_managed = str(shown.get("osDiskType") or "Managed").lower() == "managed"
    if "osDiskSizeGB" not in asked and disk and usual and disk not in usual and is_managed:
        yield Difference(path="properties.osDiskSizeGB", live=disk, desired=f"Azure's default ({usual[-1]})")


def usual_disks(vm_size: str) -> list[int]:
    """GB of a node's disk by default, by its cores, the usual one last (learn.microsoft.com, "Default OS disk
    sizing"). Empty for a size whose name does not give its cores."""
    found = re.fullmatch(r"Standard_[A-Z]+(\d+)[a-z]*(_[A-Z0-9]+)?_v[3-9]", vm_size, re.IGNORECASE)
    if not found:
        return []
    cores = int(found[1])
    return [
        128,
        next(size for least, size in ((64, 2048), (32, 1024), (16, 512), (8, 256), (0, 128)) if cores >= least),
    ]


def _summary(resource: Resource) -> list[str]:
    properties = resource.body["properties"]
    spot = ", spot" if properties.get("scaleSetPriority") == "Spot" else ""
    return [f"{properties['vmSize']}, {properties['minCount']} to {properties['maxCount']} nodes{spot}"]


KIND = Kind(
    name="pool",
    type="Microsoft.ContainerService/managedClusters/agentPools",
    api_version=CLUSTERS,
    replacing=(
        "properties.vmSize",
        "properties.osType",
        "properties.type",
        "properties.osDiskSizeGB",
        "properties.availabilityZones",
        "properties.scaleSetPriority",
        "properties.scaleSetEvictionPolicy",
        "properties.spotMaxPrice",
        "properties.vnetSubnetID",
    ),
    comparison=Comparison(
        left_out={"scaleSetPriority": ("Regular",), "scaleSetEvictionPolicy": ("Delete",), "spotMaxPrice": (-1,)},
        asks_for_default={"osDiskSizeGB": 0},
        handed_over={"count": "enableAutoScaling"},
        shown_as={"orchestratorVersion": "currentOrchestratorVersion"},
        owned_maps={"nodeLabels": r"kubernetes\.azure\.com/.*"},
        owned_lists={"nodeTaints": r"kubernetes\.azure\.com/.*|CriticalAddonsOnly(=.*)?:.*", "availabilityZones": ""},
    ),
    back_to_default=back_to_default,
    kept=_kept,
    is_in_parent=True,
    needs_running_cluster=True,
    never_replaced=_never_replaced,
    summary=_summary,
)
KINDS = (KIND,)
