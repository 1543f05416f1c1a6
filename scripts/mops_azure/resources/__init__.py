"""The kinds of Azure resources, one file each. Another distribution adds its own under the entry-point group below."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from typing import Any

from modelops_runtime.contracts.errors import UserError
from mops_azure.resources import (
    cluster,
    group,
    identity,
    lock,
    logs,
    node_pool,
    postgres,
    registry,
    role,
    storage,
    vault,
)  # fmt: skip
from mops_azure.resources.kind import Comparison, Dependent, Kind, Live, Resource, Section, is_on
from mops_azure.settings import Settings

ENTRY_POINTS = "modelops.azure_resources"
"""Each leads to a tuple of kinds."""

MODULES = (group, cluster, node_pool, identity, storage, registry, vault, logs, postgres, lock, role)
"""In the order in which their resources are made."""


def _of_others() -> Iterable[Kind]:
    for one in sorted(entry_points(group=ENTRY_POINTS), key=lambda one: one.name):
        try:
            yield from one.load()
        except Exception as error:
            raise UserError(
                f"the Azure resources of {one.value} cannot be loaded ({type(error).__name__}: {error}); "
                f"uninstall or update the distribution that has the entry point {one.name} of {ENTRY_POINTS}"
            ) from error


def _each_once(kinds: Iterable[Kind]) -> tuple[Kind, ...]:
    """Raises UserError for two kinds of one name, type or section."""
    found = tuple(kinds)
    sections = {kind.section.key: kind.section for kind in found if kind.section}
    for kind in found:
        others = [other for other in found if other is not kind]
        if any(kind.name == other.name or kind.type.lower() == other.type.lower() for other in others):
            raise UserError(
                f"two kinds of Azure resources are {kind.name} ({kind.type}); uninstall one of {ENTRY_POINTS}"
            )
        if kind.section and kind.section is not sections[kind.section.key]:
            raise UserError(
                f"two kinds of Azure resources have the section {kind.section.key}; uninstall one of {ENTRY_POINTS}"
            )
    return found


KINDS: tuple[Kind, ...] = _each_once((*(kind for module in MODULES for kind in module.KINDS), *_of_others()))
BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in KINDS}
BY_TYPE: Mapping[str, Kind] = {kind.type.lower(): kind for kind in KINDS}


def sections() -> list[Section]:
    """Of the config, each once."""
    return list({kind.section.key: kind.section for kind in KINDS if kind.section}.values())


def independent(config: Settings, *, secrets: Mapping[str, str] | None = None) -> list[Resource]:
    """Resources that are switched on and need only the group, in the order in which they are created.

    `secrets`: name of a kind -> the secret that a new one of it needs.
    """
    found: list[Resource] = []
    for kind in KINDS:
        if kind.wanted and is_on(kind, config):
            secret = (secrets or {}).get(kind.name)
            found += [_with_secret(kind, one, secret) for one in kind.wanted(config)]
    return found


def apart(config: Settings) -> list[Resource]:
    """Resources that are switched on and have a group of their own."""
    return [one for kind in KINDS if kind.apart and is_on(kind, config) for one in kind.apart(config)]


def groups_apart(config: Settings) -> dict[str, bool]:
    """Id of each group of such resources -> whether one of them is switched on."""
    found: dict[str, bool] = {}
    for kind in KINDS:
        for one in kind.apart(config) if kind.apart else []:
            id_ = group.group_id(config, group.group_name_in(one.id))
            found[id_] = found.get(id_, False) or is_on(kind, config)
    return found


def _with_secret(kind: Kind, one: Resource, secret: str | None) -> Resource:
    if not secret or not kind.with_secret:
        return one
    return Resource(**{**vars(one), "body": kind.with_secret(one.body, secret)})


def dependent_resources(config: Settings, live: Live) -> list[Dependent]:
    """Resources that need others to exist first: rights need principals, firewall rules need addresses."""
    return [
        one for kind in KINDS if kind.dependents and is_on(kind, config) for one in kind.dependents(config, live, KINDS)
    ]


def listed_kinds(config: Settings) -> list[tuple[Kind, str]]:
    """Kinds that are read as whole lists, with the list's path; dependents first."""
    return [(kind, kind.listed_at(config)) for kind in reversed(KINDS) if kind.listed_at]


def providers(config: Settings) -> list[str]:
    """Resource providers that must be registered in the subscription."""
    always = [name for kind in KINDS if is_on(kind, config) for name in kind.providers]
    own = {kind.type.split("/")[0] for kind in KINDS if kind.section and is_on(kind, config)}
    return [*always, *sorted(own - set(always))]


def kind_of(live: Any) -> Kind | None:
    """By its type, or by its id."""
    return BY_TYPE.get(str(live.get("type") or type_in(str(live.get("id")))).lower())


def type_in(id_: str) -> str:
    """The type of a resource of that id."""
    head, _, tail = id_.rpartition("/providers/")
    names = tail.split("/")
    return "/".join([names[0], *names[1::2]]) if head else "Microsoft.Resources/subscriptions/resourceGroups"


def api_version_of(live: Any) -> str:
    """With which it is read; that of what it lies in, where its own type is not known."""
    type_ = str(live.get("type") or type_in(str(live.get("id")))).lower()
    while type_:
        if type_ in BY_TYPE:
            return BY_TYPE[type_].api_version
        type_ = type_.rpartition("/")[0]
    return group.GROUPS


def _merged(name: str) -> dict[str, Any]:
    return {key: value for kind in KINDS for key, value in getattr(kind.comparison, name).items()}


COMPARISON = Comparison(
    never_returned=tuple(name for kind in KINDS for name in kind.comparison.never_returned),
    left_out=_merged("left_out"),
    asks_for_default=_merged("asks_for_default"),
    handed_over=_merged("handed_over"),
    grows=_merged("grows"),
    shown_as=_merged("shown_as"),
    not_compared_beside=_merged("not_compared_beside"),
    owned_maps={
        "tags": r"hidden-.*|aks-managed-.*|ms-resource-usage|link:.*|kubernetes\.azure\.com.*",
        **_merged("owned_maps"),
    },
    owned_lists=_merged("owned_lists"),
)
"""Of all kinds together: a pool shows in its cluster, too."""
