"""What there is to know of a kind of Azure resource: data, and pure functions of the config and of what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from modelops_runtime.options.base import StrictModel
from mops_azure.pricing import CostItem, PriceTable
from mops_azure.settings import Settings

Live = Mapping[str, Any]
"""Resource id in lower case -> the resource as Azure returns it; what is not there is left out."""

Spec = TypeVar("Spec", bound=StrictModel)


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource as it should be."""

    kind: str
    """Name of its kind, for people: `resource group`, `cluster`, `pool`."""
    name: str
    id: str
    api_version: str
    body: dict[str, Any]
    """As sent in a PUT; a list of what the config owns is there even when it is empty."""


Dependent = tuple[Resource, str]
"""What can be asked for only once Azure has made something else, and what it still waits for: `once ...`, or nothing."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One property that is not as asked for; `path` is dotted, list items by name."""

    path: str
    live: Any
    desired: Any


@dataclass(frozen=True, kw_only=True)
class Section:
    """A top-level key of the provider config."""

    key: str
    spec: type[StrictModel]
    """Its model; with a field `enabled` where it can be switched off."""
    secret_files: tuple[str, ...] = ()
    """Fields that name a file with a secret."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Properties by name that do not come back as they were sent, and those that the config owns as a whole."""

    never_returned: tuple[str, ...] = ()
    """Azure takes these and never shows them again."""
    left_out: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Values that Azure leaves out of its answers, since they are the defaults."""
    asks_for_default: Mapping[str, Any] = field(default_factory=dict)
    """Values that mean "what Azure thinks best"."""
    handed_over: Mapping[str, str] = field(default_factory=dict)
    """Property -> the sibling that, when true, hands it to Azure: an autoscaled pool's count is the autoscaler's."""
    grows: Mapping[str, str] = field(default_factory=dict)
    """Property -> the sibling that, when Enabled, lets it rise by itself."""
    shown_as: Mapping[str, str] = field(default_factory=dict)
    """A version that was asked for (1.35 too) -> where the patch that runs is shown."""
    not_compared_beside: Mapping[str, str] = field(default_factory=dict)
    """Property -> the sibling beside which it says nothing."""
    owned_maps: Mapping[str, str] = field(default_factory=dict)
    """Name of a map that the config owns as a whole -> the keys in it that are Azure's own."""
    owned_lists: Mapping[str, str] = field(default_factory=dict)
    """Name of a list without order -> the entries in it that are Azure's own."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of resource. All but the first three may be left out."""

    name: str
    """For people."""
    type: str
    """As Azure writes it: `Microsoft.KeyVault/vaults`."""
    api_version: str

    section: Section | None = None
    """Its part of the config; None: it comes with every config."""
    wanted: Callable[[Settings], list[Resource]] | None = None
    """What should be there and needs nothing but the group of the cluster."""
    dependents: Callable[[Settings, Live, tuple[Kind, ...]], list[Dependent]] | None = None
    """What can be asked for only when something else is there; the kinds are all that are registered."""
    secret: Callable[[Settings], str] | None = None
    """Reads what a new one needs and Azure never shows."""
    with_secret: Callable[[dict[str, Any], str], dict[str, Any]] | None = None
    """The body of a new one with that."""
    id_of: Callable[[Settings], str] | None = None
    role_of_pods: tuple[str, str] | None = None
    """What the identity for pods may do with the one at `id_of`: name and id of the role."""

    also_read: Callable[[Settings, Live], list[tuple[str, str]]] | None = None
    """Ids that are read for the dependents of others, each with what one is doing then; the cluster is in what is there."""
    listed_at: Callable[[Settings], str] | None = None
    """Path of the list that is read whole: one that is there unasked lets somebody in, and goes."""
    is_listing_late: bool = False
    """Which of them are asked for is not known while they wait."""

    read_only: tuple[str, ...] | None = None
    """Paths that Azure alone writes; None: read_only.json says it, which is made from the published types."""
    replacing: tuple[str, ...] = ()
    """Paths of what Azure cannot change in place."""
    set_once: tuple[str, ...] = ()
    """Properties that stay as they were when it was made."""
    comparison: Comparison = Comparison()
    back_to_default: Callable[[Resource, Any], Iterator[Difference]] | None = None
    """What was asked for once and no longer is, where Azure's default is known."""
    kept: Callable[[dict[str, Any], Mapping[str, Any], Mapping[str, Any]], None] | None = None
    """Changes a PUT to what is there: (body to be sent, body asked for, what is there without what is read-only)."""
    deleted_by: str = ""
    """It may hold more than the config names and is never deleted to be made anew; what deletes it with a look at that."""

    cost: Callable[[Settings, PriceTable, Live], list[CostItem]] | None = None
    is_billed: bool = False
    """While it is there, also when it is switched off in the config."""
    billed_by: Literal["", "size", "use"] = ""
    """It has no constant price here."""

    name_key: str = ""
    """Where its name is set, which must be the only one in the world and is asked for first."""
    providers: tuple[str, ...] = ()
    """Resource providers beside that of its own section that must be registered."""
    states: Mapping[str, str] = field(default_factory=dict)
    """Its own word for its state (properties.state) in lower case -> Azure's usual one; others mean that Azure is at work."""
    is_at_once: bool = False
    """It is there when Azure answers."""
    is_new_only: bool = False
    """A new one is refused where one is there already."""
    is_in_parent: bool = False
    """It shows in what it belongs to."""
    is_sent: bool = True
    """It is made here; False: only read."""
    retried: tuple[str, ...] = ()
    """Codes of refusals that pass; none: Azure's usual ones."""
    patience_s: float = 60
    """Seconds in which they are tried again."""
    there_already: str = ""
    """Code of a refusal that means: there is one, by another name."""
    recovered: Callable[[dict[str, Any], str], dict[str, Any] | None] | None = None
    """(body, refusal) -> the body that has a deleted one back, or None."""

    summary: Callable[[Resource], list[str]] | None = None
    """Lines for a plan that makes it."""
    ask_for: Callable[[Resource], str] | None = None
    """A line for who may not make it."""
    lost_with_it: str = ""
    """What a reader should know of its end."""


def section(config: Settings, key: str, spec: type[Spec]) -> Spec:
    """A kind's part of the config."""
    found = getattr(config, key)
    assert isinstance(found, spec)
    return found


def is_on(kind: Kind, config: Settings) -> bool:
    return kind.section is None or getattr(getattr(config, kind.section.key), "enabled", True)
