"""Estimates the cost at list prices. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mops_azure import resources
from mops_azure.config import AzureConfig
from mops_azure.pricing import CostItem, PriceTable
from mops_azure.resources.cluster import other_clusters
from mops_azure.resources.kind import Live, is_on

HOURS_A_MONTH = 730


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Of the whole config."""

    parts: tuple[CostItem, ...]
    table: PriceTable
    by_use: tuple[str, ...] = ()
    """Billed by use, or without a price in our tables."""
    beside: tuple[str, ...] = ()
    """Other clusters of ours that continue to run; their pools are not read."""

    @property
    def low(self) -> float:
        return sum(part.low or 0 for part in self.parts)

    @property
    def high(self) -> float:
        return sum(part.high or 0 for part in self.parts)

    @property
    def unknown(self) -> list[str]:
        return [part.name for part in self.parts if part.high is None]

    def as_dict(self) -> dict[str, Any]:
        return {
            "currency": "USD",
            "hour": {"min": round(self.low, 4), "max": self._most(1, 4)},
            "month": {"min": round(self.low * HOURS_A_MONTH, 2), "max": self._most(HOURS_A_MONTH, 2)},
            "parts": [vars(part) for part in self.parts],
            "without_price": self.unknown,
            "by_use": list(self.by_use),
            "beside": list(self.beside),
            "as_of": self.table.as_of,
            "source": self.table.source,
        }

    def _most(self, hours: int, digits: int) -> float | None:
        """None: unknown, since a price is missing."""
        return None if self.unknown else round(self.high * hours, digits)


def estimate(config: AzureConfig, table: PriceTable, live: Live | None = None) -> Estimate:
    """The cost at the pools' minimum and maximum sizes, including extra resources in `live`."""
    found = [
        item
        for kind in resources.KINDS
        if kind.cost and is_on(kind, config)
        for item in kind.cost(config, table, live or {})
    ]
    beside = tuple(f"cluster {name}" for name in other_clusters(config, live or {}))
    return Estimate(parts=tuple(found), table=table, by_use=_by_use(config), beside=beside)


def _by_use(config: AzureConfig) -> tuple[str, ...]:
    """By size first."""
    on = [kind for kind in resources.KINDS if is_on(kind, config)]
    return tuple(kind.name for basis in ("size", "use") for kind in on if kind.billed_by == basis)


def cost_lines(found: Estimate) -> list[str]:
    """For people."""
    table = found.table
    lines = [f"Cost in US dollars (list prices of {table.as_of}, {table.source}):", f"  {_headline(found)}"]
    lines += [f"  {part.name}: {_span(part)}{f' ({part.note})' if part.note else ''}" for part in found.parts]
    return [*lines, "  not counted: disks and traffic"]


def _headline(found: Estimate) -> str:
    """With everything that the sums leave out; such a sum is a lower bound."""
    month_low, month_high = (f"{one * HOURS_A_MONTH:,.0f}" for one in (found.low, found.high))
    sums = f"{_money(found.low)} to {_money(found.high)} an hour, {month_low} to {month_high} a month"
    if found.unknown:  # its maximum is unknown
        sums = f"{_money(found.low)} an hour, {month_low} a month"
    reasons = {
        "no price is known": found.unknown,
        "billed by use or size": found.by_use,
        "not in the config": found.beside,
    }
    without = [f"; not counted, {why}: {', '.join(names)}" for why, names in reasons.items() if names]
    return f"{'at least ' if without else ''}{sums}{''.join(without)}"


def _span(part: CostItem) -> str:
    if part.high is None:
        return "price not known"
    return (
        f"{_money(part.high) if part.low == part.high else f'{_money(part.low or 0)} to {_money(part.high)}'} an hour"
    )


def _money(value: float) -> str:
    return f"{value:.2f}"
