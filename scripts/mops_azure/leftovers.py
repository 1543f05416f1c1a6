"""What is there though the config no longer asks for it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mops_azure import desired, parts
from mops_azure.compare import Difference
from mops_azure.config import AzureConfig
from mops_azure.desired import Resource
from mops_azure.states import is_ours

PARTS = {
    "microsoft.containerregistry/registries": ("registry", "acr", True),
    "microsoft.dbforpostgresql/flexibleservers": ("database server", "postgres", True),
    "microsoft.storage/storageaccounts": ("storage account", "storage", True),
    "microsoft.keyvault/vaults": ("key vault", "key_vault", True),
    "microsoft.operationalinsights/workspaces": ("log workspace", "logs", True),
    "microsoft.managedidentity/userassignedidentities": ("identity", "identity", False),
}
"""Type in lower case -> for people, the config's section, and whether it is billed while it is there."""


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """A part of ours that is there beside those of the config."""

    kind: str
    name: str
    id: str
    why: str


def parts_left(config: AzureConfig, live: Mapping[str, Any]) -> list[Leftover]:
    """In the config's groups: of a part that is switched off, or has another name now."""
    wanted = {one.id.lower() for one in parts.parts(config)}
    if config.acr.enabled:
        wanted.add(desired.registry_id(config).lower())
    found: list[Leftover] = []
    for id_, one in live.items():
        group, _, below = id_.partition("/providers/")
        type_, _, name = below.rpartition("/")
        ours = (desired.group_id(config).lower(), desired.group_id(config, config.registry_group).lower())
        if id_ in wanted or type_ not in PARTS or group not in ours or not is_ours(one):
            continue
        kind, section, is_billed = PARTS[type_]
        is_on = getattr(config, section).enabled
        why = f"the config names another in {section}" if is_on else f"{section} is off in the config"
        state = "still there, and billed" if is_billed else "still there"
        found.append(Leftover(kind=kind, name=str(one.get("name") or name), id=str(one["id"]), why=f"{state}: {why}"))
    return found


def children_left(config: AzureConfig, live: Mapping[str, Any], wanted: list[tuple[Resource, str]]) -> list[Resource]:
    """Who may come in or act as the pods though the config no longer says so: firewall rules and federated credentials.
    `wanted` are the late resources, each with what it waits for."""
    found: list[Resource] = []
    for kind, path, version in parts.child_lists(config):
        asked = {one.id.lower() for one, _ in wanted if one.kind == kind}
        if kind == "firewall rule" and any(waits for one, waits in wanted if one.kind == kind):
            continue  # which addresses are the cluster's is not known yet
        found += [
            Resource(
                kind=kind,
                name=str(one.get("name") or id_.rsplit("/", 1)[1]),
                id=one["id"],
                api_version=version,
                body={},
            )
            for id_, one in live.items()
            if id_.startswith(f"{path}/".lower()) and id_ not in asked
        ]
    return found


def back_to_default(resource: Resource, live: Any) -> Iterator[Difference]:
    """Of a pool, what was asked for once and no longer is, where Azure's default is known."""
    if resource.kind != "pool":
        return
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
    """GB that Azure gives a node whose disk is not said, the usual one last; by its cores (learn.microsoft.com, "Default OS disk
    sizing"). Empty of a size whose name does not tell its cores."""
    found = re.fullmatch(r"Standard_[A-Z]+(\d+)[a-z]*(_[A-Z0-9]+)?_v[3-9]", vm_size, re.IGNORECASE)
    if not found:
        return []
    cores = int(found[1])
    return [
        128,
        next(size for least, size in ((64, 2048), (32, 1024), (16, 512), (8, 256), (0, 128)) if cores >= least),
    ]
