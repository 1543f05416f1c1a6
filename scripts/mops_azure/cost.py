"""What it costs: pay-as-you-go list prices from a dated table that is shipped. An estimate, never a bill. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from mops_azure.config import AzureConfig

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
    as_of: str
    source: str

    @property
    def low(self) -> float:
        return sum(part.low or 0 for part in self.parts)

    @property
    def high(self) -> float:
        return sum(part.high or 0 for part in self.parts)

    @property
    def unknown(self) -> list[str]:
        return [part.name for part in self.parts if part.low is None]

    def as_dict(self) -> dict[str, Any]:
        return {
            "currency": "USD",
            "hour": {"min": round(self.low, 4), "max": round(self.high, 4)},
            "month": {"min": round(self.low * HOURS_A_MONTH, 2), "max": round(self.high * HOURS_A_MONTH, 2)},
            "parts": [vars(part) for part in self.parts],
            "without_price": self.unknown,
            "as_of": self.as_of,
            "source": self.source,
        }


def prices() -> dict[str, Any]:
    """The shipped table."""
    return json.loads(files("mops_azure").joinpath("prices.json").read_text())


def estimate(config: AzureConfig, table: dict[str, Any] | None = None) -> Estimate:
    """At the pools' minimum and maximum sizes."""
    table = table or prices()
    system = config.aks.system_pool
    parts = [_nodes("system", system.vm_size, system.min, system.max, table)]
    for pool in config.aks.pools:
        note = "nothing while nobody works" if pool.min == 0 else ""
        if pool.spot:
            note = f"{note}; spot is cheaper than this".removeprefix("; ")
        part = _nodes(pool.name, pool.vm_size, pool.min, pool.max, table)
        parts.append(Part(name=part.name, low=part.low, high=part.high, note=note))
    tier = table["aks_tier"][config.aks.tier]
    parts.append(Part(name=f"control plane ({config.aks.tier})", low=tier, high=tier))
    parts.append(Part(name="load balancer and its address", low=table["load_balancer"], high=table["load_balancer"]))
    if config.acr.enabled:
        price = table["acr_day"][config.acr.sku] / 24
        parts.append(Part(name=f"registry ({config.acr.sku})", low=price, high=price))
    return Estimate(parts=tuple(parts), as_of=table["as_of"], source=table["source"])


def nodes_price(size: str, count: int) -> float | None:
    """US dollars an hour; None when the size has no price here."""
    if count == 0:
        return 0.0
    found = {key.lower(): value for key, value in prices()["vm_size"].items()}.get(size.lower())
    return None if found is None else count * found


def _nodes(name: str, size: str, low: int, high: int, table: dict[str, Any]) -> Part:
    found = {key.lower(): value for key, value in table["vm_size"].items()}.get(size.lower())
    title = f"pool {name} ({low} to {high} {size})"
    if found is None:
        return Part(name=title, low=0.0 if low == 0 else None, high=None)
    return Part(name=title, low=low * found, high=high * found)


def cost_lines(found: Estimate) -> list[str]:
    """For people."""
    lines = [
        f"Cost (list prices of {found.as_of} in {found.source}, US dollars, disks and traffic not included):",
        f"  {_money(found.low)} to {_money(found.high)} an hour, "
        f"{found.low * HOURS_A_MONTH:,.0f} to {found.high * HOURS_A_MONTH:,.0f} a month",
    ]
    lines += [f"  {part.name}: {_span(part)}{f' ({part.note})' if part.note else ''}" for part in found.parts]
    if found.unknown:
        lines.append(f"  not counted, no price is known: {', '.join(found.unknown)}")
    return lines


def _span(part: Part) -> str:
    if part.high is None:
        return "price not known"
    return _money(part.high) if part.low == part.high else f"{_money(part.low or 0)} to {_money(part.high)} an hour"


def _money(value: float) -> str:
    return f"{value:.2f}"
