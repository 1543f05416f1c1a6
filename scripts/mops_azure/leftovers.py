"""Resources that exist although the config no longer asks for them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mops_azure import resources
from mops_azure.config import AzureConfig
from mops_azure.resources.group import group_id
from mops_azure.resources.kind import Dependent, Resource, is_on, is_ours


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """A resource of ours that exists although the config does not name it."""

    kind: str
    name: str
    id: str
    why: str


def resources_left(config: AzureConfig, live: Mapping[str, Any]) -> list[Leftover]:
    """Resources in the config's groups that are switched off now, or have another name."""
    wanted = {one.id.lower() for one in (*resources.independent(config), *resources.apart(config))}
    groups = {group_id(config).lower(), *(id_.lower() for id_ in resources.groups_apart(config))}
    found: list[Leftover] = []
    for id_, one in live.items():
        group, _, below = id_.partition("/providers/")
        type_, _, name = below.rpartition("/")
        kind = resources.BY_TYPE.get(type_)
        is_independent = kind is not None and (kind.wanted or kind.apart)
        if (
            id_ in wanted
            or kind is None
            or not kind.section
            or not is_independent
            or group not in groups
            or not is_ours(one)
        ):
            continue
        section = kind.section.key
        why = f"the config names another in {section}" if is_on(kind, config) else f"{section} is off in the config"
        state = "still there, and billed" if kind.is_billed else "still there"
        found.append(
            Leftover(kind=kind.name, name=str(one.get("name") or name), id=str(one["id"]), why=f"{state}: {why}")
        )
    return found


def children_left(config: AzureConfig, live: Mapping[str, Any], wanted: list[Dependent]) -> list[Resource]:
    """Firewall rules and federated credentials that give access although the config no longer does.
    `wanted` are the dependent resources, each with what it waits for."""
    found: list[Resource] = []
    for kind, path in resources.listed_kinds(config):
        asked = {one.id.lower() for one, _ in wanted if one.kind == kind.name}
        if kind.is_listing_late and any(waits for one, waits in wanted if one.kind == kind.name):
            continue
        found += [
            Resource(
                kind=kind.name,
                name=str(one.get("name") or id_.rsplit("/", 1)[1]),
                id=one["id"],
                api_version=kind.api_version,
                body={},
            )
            for id_, one in live.items()
            if id_.startswith(f"{path}/".lower()) and id_ not in asked
        ]
    return found
