"""What one thing costs by a table of prices. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class PriceTable:
    """US dollars an hour; missing ones have no known price."""

    as_of: str
    source: str
    vm_size: Mapping[str, float] = field(default_factory=dict)
    """VM size in lower case -> one node, Linux, pay as you go."""
    spot: Mapping[str, float] = field(default_factory=dict)
    """The same for spot nodes."""
    meters: Mapping[str, float] = field(default_factory=dict)
    """Name of a meter -> one unit of it."""


@dataclass(frozen=True, kw_only=True)
class Meters:
    """Meters of Azure's price list by which a kind of resource is billed."""

    service: str
    """Name of the service that has them."""
    names: tuple[str, ...]
    asks_by_name: bool = False
    """Ask for these meters only, since the service has many others."""


@dataclass(frozen=True, kw_only=True)
class CostItem:
    """One cost item; US dollars an hour, minimum and maximum. None: no known price."""

    name: str
    low: float | None
    high: float | None
    note: str = ""


def nodes_price(size: str, count: int, table: PriceTable, *, spot: bool = False) -> float | None:
    """US dollars an hour; None when the size has no price here."""
    if count == 0:
        return 0.0
    found = (table.spot.get(size.lower()) if spot else None) or table.vm_size.get(size.lower())
    return None if found is None else count * found


def system_cost(size: str, low: int, high: int, table: PriceTable) -> CostItem:
    return _nodes("system", size, low, high, table.vm_size)


def pool_cost(name: str, size: str, low: int, high: int, table: PriceTable, *, spot: bool, note: list[str]) -> CostItem:
    at_spot = spot and size.lower() in table.spot
    if spot:
        note = [*note, "today's spot price" if at_spot else "spot is cheaper than this"]
    return _nodes(name, size, low, high, table.spot if at_spot else table.vm_size, "; ".join(note))


def _nodes(name: str, size: str, low: int, high: int, prices: Mapping[str, float], note: str = "") -> CostItem:
    found = prices.get(size.lower())
    title = f"pool {name} ({low} to {high} {size})"
    if found is None:
        return CostItem(name=title, low=0.0 if low == 0 else None, high=0.0 if high == 0 else None, note=note)
    return CostItem(name=title, low=low * found, high=high * found, note=note)


def constant(name: str, price: float | None) -> CostItem:
    return CostItem(name=name, low=price, high=price)
