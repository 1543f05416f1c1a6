"""The description of a kind of Azure resource: data, and pure functions of the config and the live state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from modelops_runtime.options.base import StrictModel
from mops_azure.pricing import CostItem, Meters, PriceTable
from mops_azure.settings import MANAGED_BY, Settings

Live = Mapping[str, Any]
"""Resource id in lower case -> the resource as Azure returns it, for existing ones."""

Spec = TypeVar("Spec", bound=StrictModel)


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One desired resource."""

    kind: str
    """Name of its kind, for people: `resource group`, `cluster`, `pool`."""
    name: str
    id: str
    api_version: str
    body: dict[str, Any]
    """The body of a PUT; a list that the config owns is present even if empty."""


Dependent = tuple[Resource, str]
"""A resource that needs another one first, and what it still waits for: `once ...`, or nothing."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One property that differs from the desired one; `path` is dotted, list items by name."""

    path: str
    live: Any
    desired: Any


@dataclass(frozen=True, kw_only=True)
class Section:
    """A top-level key of the provider config."""

    key: str
    spec: type[StrictModel]
    """Its model; with a field `enabled` if it can be switched off."""
    secret_files: tuple[str, ...] = ()
    """Fields that name a file with a secret."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Properties by name that Azure returns differently, and those that the config owns as a whole."""

    never_returned: tuple[str, ...] = ()
    """Write-only: Azure never returns these."""
    left_out: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Default values that Azure omits from its answers."""
    asks_for_default: Mapping[str, Any] = field(default_factory=dict)
    """Values that ask for Azure's default."""
    handed_over: Mapping[str, str] = field(default_factory=dict)
    """Property -> the sibling that, if true, lets Azure control it: the autoscaler sets an autoscaled pool's count."""
    grows: Mapping[str, str] = field(default_factory=dict)
    """Property -> the sibling that, if Enabled, lets Azure increase it."""
    shown_as: Mapping[str, str] = field(default_factory=dict)
    """Property with the requested version (1.35 too) -> the property with the running patch."""
    not_compared_beside: Mapping[str, str] = field(default_factory=dict)
    """Property -> the sibling that makes it meaningless."""
    owned_maps: Mapping[str, str] = field(default_factory=dict)
    """Name of a map that the config owns as a whole -> the keys in it that are Azure's own."""
    owned_lists: Mapping[str, str] = field(default_factory=dict)
    """Name of a list without order -> the entries in it that are Azure's own."""


@dataclass(frozen=True, kw_only=True)
class Equals:
    """How to find a resource by its content."""

    path: str
    """Of the list that it would be in."""
    is_equal: Callable[[Any], bool]
    """Whether an entry of that list has the same content."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of resource. All fields except the first three are optional."""

    name: str
    """For people."""
    type: str
    """As Azure writes it: `Microsoft.KeyVault/vaults`."""
    api_version: str

    section: Section | None = None
    """Its part of the config; None: it comes with every config."""
    wanted: Callable[[Settings], list[Resource]] | None = None
    """Desired resources that need only the group of the cluster."""
    apart: Callable[[Settings], list[Resource]] | None = None
    """Desired resources in a group of their own, which outlives clusters; those that are not ours are never changed."""
    dependents: Callable[[Settings, Live, tuple[Kind, ...]], list[Dependent]] | None = None
    """Desired resources that need another one first; gets all registered kinds."""
    secret: Callable[[Settings], str] | None = None
    """Reads the secret that a new one needs."""
    with_secret: Callable[[dict[str, Any], str], dict[str, Any]] | None = None
    """The body of a new one with that secret."""
    id_of: Callable[[Settings], str] | None = None
    role_of_pods: tuple[str, str] | None = None
    """The role of the pods' identity on the one at `id_of`: its name and id."""

    also_read: Callable[[Settings, Live], list[tuple[str, str]]] | None = None
    """Ids to read for the dependents of others, each with the action for messages; gets the live state."""
    listed_at: Callable[[Settings], str] | None = None
    """Path of the list that is read whole: an entry that is not desired gives access, and is removed."""
    equals: Callable[[Resource], Equals] | None = None
    """Where a resource with the same content may exist under another name."""
    is_listing_late: bool = False
    """The desired entries are unknown while dependents wait."""

    read_only: tuple[str, ...] | None = None
    """Read-only paths; None: those of read_only.json, which is generated from the published types."""
    replacing: tuple[str, ...] = ()
    """Paths of what Azure cannot change in place."""
    set_once: tuple[str, ...] = ()
    """Properties that are set at creation and never changed."""
    comparison: Comparison = Comparison()
    back_to_default: Callable[[Resource, Any], Iterator[Difference]] | None = None
    """Defaults of properties that were once set and no longer are."""
    kept: Callable[[dict[str, Any], Mapping[str, Any], Mapping[str, Any]], None] | None = None
    """Adjusts a PUT to an existing one: (body to send, desired body, live one without read-only properties)."""
    deleted_by: str = ""
    """It may hold more than the config names, so it is never replaced; the command that deletes it after a check."""

    cost: Callable[[Settings, PriceTable, Live], list[CostItem]] | None = None
    meters: tuple[Meters, ...] = ()
    """Whose prices `cost` uses, beside those of VM sizes."""
    is_billed: bool = False
    """It is billed while it exists, even if the config switches it off."""
    billed_by: Literal["", "size", "use"] = ""
    """It has no constant price here."""

    name_key: str = ""
    """The config key of its globally unique name, which is checked first."""
    is_right_checked: bool = False
    """`doctor` checks whether the user may write it."""
    providers: tuple[str, ...] = ()
    """Resource providers beside that of its own section that must be registered."""
    states: Mapping[str, str] = field(default_factory=dict)
    """Its state (properties.state) in lower case -> Azure's usual one; other states mean that Azure is changing it."""
    is_at_once: bool = False
    """It exists once Azure has answered."""
    is_new_only: bool = False
    """Creation is refused if one exists."""
    is_in_parent: bool = False
    """Its parent shows it."""
    needs_running_cluster: bool = False
    """Azure refuses a change while the cluster is stopped."""
    never_replaced: Callable[[Resource], str] | None = None
    """Why this one cannot be replaced although Azure can replace others of its kind, and what to do; empty if it can."""
    is_sent: bool = True
    """It is created here; False: only read."""
    retried: tuple[str, ...] = ()
    """Codes of temporary refusals; none: Azure's usual ones."""
    patience_s: float = 60
    """Seconds for which they are retried."""
    there_already: str = ""
    """Code of a refusal that means: it exists under another name."""
    recovered: Callable[[dict[str, Any], str], dict[str, Any] | None] | None = None
    """(body, refusal) -> the body that recovers a deleted one, or None."""

    notes: Callable[[Settings, Live], Iterator[str]] | None = None
    """What a plan notes about existing ones that it does not change."""
    summary: Callable[[Resource], list[str]] | None = None
    """Lines for a plan that creates it."""
    ask_for: Callable[[Resource], str] | None = None
    """A line for a user who may not create it."""
    lost_with_it: str = ""
    """A note about its deletion."""


def is_ours(live: Any) -> bool:
    """Whether a live resource carries the tag that we put on all of ours."""
    tags = {str(key).lower(): value for key, value in ((live or {}).get("tags") or {}).items()}
    return tags.get("managedby") == MANAGED_BY


def section(config: Settings, key: str, spec: type[Spec]) -> Spec:
    """A kind's part of the config."""
    found = getattr(config, key)
    assert isinstance(found, spec)
    return found


def is_on(kind: Kind, config: Settings) -> bool:
    return kind.section is None or getattr(getattr(config, kind.section.key), "enabled", True)
