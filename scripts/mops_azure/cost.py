"""What it costs at list prices. An estimate, never a bill. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mops_azure.config import AzureConfig
from mops_azure.prices import PriceTable

HOURS_A_MONTH = 730


@dataclass(frozen=True, kw_only=True)
class Part:
    """One thing that costs; US dollars an hour, at least and at most. None: no price is known."""

    name: str
    low: float | None
    high: float | None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Of the whole config."""

    parts: tuple[Part, ...]
    table: PriceTable
    by_use: tuple[str, ...] = ()
    """Billed by what is used, or with no price in any table here."""

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
            "hour": {"min": round(self.low, 4), "max": round(self.high, 4)},
            "month": {"min": round(self.low * HOURS_A_MONTH, 2), "max": round(self.high * HOURS_A_MONTH, 2)},
            "parts": [vars(part) for part in self.parts],
            "without_price": self.unknown,
            "by_use": list(self.by_use),
            "as_of": self.table.as_of,
            "source": self.table.source,
        }


def estimate(config: AzureConfig, table: PriceTable) -> Estimate:
    """At the pools' minimum and maximum sizes."""
    system = config.aks.system_pool
    found = [_nodes("system", system.vm_size, system.min, system.max, table.vm_size)]
    for pool in config.aks.pools:
        at_spot = pool.spot and pool.vm_size.lower() in table.spot
        note = ["nothing while nobody works"] if pool.min == 0 else []
        if pool.spot:
            note.append("today's spot price" if at_spot else "spot is cheaper than this")
        prices = table.spot if at_spot else table.vm_size
        found.append(_nodes(pool.name, pool.vm_size, pool.min, pool.max, prices, "; ".join(note)))
    found.append(_constant(f"control plane ({config.aks.tier})", table.aks_tier.get(config.aks.tier)))
    found.append(_constant("load balancer and its address", table.load_balancer))
    if config.acr.enabled:
        found.append(_constant(f"registry ({config.acr.sku})", table.acr.get(config.acr.sku)))
    return Estimate(parts=tuple(found), table=table, by_use=_by_use(config))


def _by_use(config: AzureConfig) -> tuple[str, ...]:
    named = {
        "database server": config.postgres.enabled,
        "storage account": config.storage.enabled,
        "key vault": config.key_vault.enabled,
        "log workspace": config.logs.enabled,
    }
    return tuple(name for name, is_there in named.items() if is_there)


def nodes_price(size: str, count: int, table: PriceTable, *, spot: bool = False) -> float | None:
    """US dollars an hour; None when the size has no price here."""
    if count == 0:
        return 0.0
    found = (table.spot.get(size.lower()) if spot else None) or table.vm_size.get(size.lower())
    return None if found is None else count * found


def _nodes(name: str, size: str, low: int, high: int, prices: Mapping[str, float], note: str = "") -> Part:
    found = prices.get(size.lower())
    title = f"pool {name} ({low} to {high} {size})"
    if found is None:
        return Part(name=title, low=0.0 if low == 0 else None, high=None, note=note)
    return Part(name=title, low=low * found, high=high * found, note=note)


def _constant(name: str, price: float | None) -> Part:
    return Part(name=name, low=price, high=price)


def cost_lines(found: Estimate) -> list[str]:
    """For people."""
    lines = [
        f"Cost in US dollars (list prices of {found.table.as_of}, {found.table.source}; disks and traffic not included):",
        f"  {_money(found.low)} to {_money(found.high)} an hour, "
        f"{found.low * HOURS_A_MONTH:,.0f} to {found.high * HOURS_A_MONTH:,.0f} a month",
    ]
    lines += [f"  {part.name}: {_span(part)}{f' ({part.note})' if part.note else ''}" for part in found.parts]
    if found.unknown:
        lines.append(f"  not counted, no price is known: {', '.join(found.unknown)}")
    if found.by_use:
        lines.append(f"  not counted, billed by use or size: {', '.join(found.by_use)}")
    return lines


def _span(part: Part) -> str:
    if part.high is None:
        return "price not known"
    return (
        f"{_money(part.high) if part.low == part.high else f'{_money(part.low or 0)} to {_money(part.high)}'} an hour"
    )


def _money(value: float) -> str:
    return f"{value:.2f}"
