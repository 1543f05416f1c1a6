"""What it costs at list prices. An estimate, never a bill. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mops_azure import desired
from mops_azure.config import AzureConfig
from mops_azure.plan import Live, other_clusters
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
    beside: tuple[str, ...] = ()
    """Clusters of ours that go on beside the config's; what they hold is not read."""

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
        """None: nobody knows, since a price is missing."""
        return None if self.unknown else round(self.high * hours, digits)


def left_alone(config: AzureConfig, live: Live) -> list[dict[str, Any]]:
    """The cluster's pools that the config does not name: they go on, and cost."""
    cluster = live.get(desired.cluster_id(config).lower()) or {}
    found = (cluster.get("properties") or {}).get("agentPoolProfiles") or []
    named = {"system", *(pool.name for pool in config.aks.pools)}
    return [pool for pool in found if str(pool["name"]).lower() not in named]


def estimate(config: AzureConfig, table: PriceTable, live: Live | None = None) -> Estimate:
    """At the pools' minimum and maximum sizes, with what is there beside the config's in `live`."""
    system = config.aks.system_pool
    found = [_nodes("system", system.vm_size, system.min, system.max, table.vm_size)]
    for pool in config.aks.pools:
        note = ["nothing while nobody works"] if pool.min == 0 else []
        found.append(_pool(pool.name, pool.vm_size, pool.min, pool.max, table, spot=pool.spot, note=note))
    for one in left_alone(config, live or {}):
        low, high = one.get("minCount"), one.get("maxCount")
        if not one.get("enableAutoScaling") or low is None or high is None:
            low = high = one.get("count") or 0
        spot = one.get("scaleSetPriority") == "Spot"
        note = ["not in the config, left alone"]
        found.append(_pool(one["name"], str(one.get("vmSize")), low, high, table, spot=spot, note=note))
    found.append(_constant(f"control plane ({config.aks.tier})", table.aks_tier.get(config.aks.tier)))
    found.append(_constant("load balancer and its address", table.load_balancer))
    if config.acr.enabled:
        found.append(_constant(f"registry ({config.acr.sku})", table.acr.get(config.acr.sku)))
    beside = tuple(f"cluster {name}" for name in other_clusters(config, live or {}))
    return Estimate(parts=tuple(found), table=table, by_use=_by_use(config), beside=beside)


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


def _pool(name: str, size: str, low: int, high: int, table: PriceTable, *, spot: bool, note: list[str]) -> Part:
    at_spot = spot and size.lower() in table.spot
    if spot:
        note = [*note, "today's spot price" if at_spot else "spot is cheaper than this"]
    return _nodes(name, size, low, high, table.spot if at_spot else table.vm_size, "; ".join(note))


def _nodes(name: str, size: str, low: int, high: int, prices: Mapping[str, float], note: str = "") -> Part:
    found = prices.get(size.lower())
    title = f"pool {name} ({low} to {high} {size})"
    if found is None:
        return Part(name=title, low=0.0 if low == 0 else None, high=0.0 if high == 0 else None, note=note)
    return Part(name=title, low=low * found, high=high * found, note=note)


def _constant(name: str, price: float | None) -> Part:
    return Part(name=name, low=price, high=price)


def cost_lines(found: Estimate) -> list[str]:
    """For people."""
    table = found.table
    lines = [f"Cost in US dollars (list prices of {table.as_of}, {table.source}):", f"  {_headline(found)}"]
    lines += [f"  {part.name}: {_span(part)}{f' ({part.note})' if part.note else ''}" for part in found.parts]
    return [*lines, "  not counted: disks and traffic"]


def _headline(found: Estimate) -> str:
    """With all that the sums leave out: a sum that leaves something out is a least."""
    month_low, month_high = (f"{one * HOURS_A_MONTH:,.0f}" for one in (found.low, found.high))
    sums = f"{_money(found.low)} to {_money(found.high)} an hour, {month_low} to {month_high} a month"
    if found.unknown:  # what it is at most is known to nobody
        sums = f"{_money(found.low)} an hour, {month_low} a month"
    reasons = {
        "no price is known": found.unknown,
        "billed by use or size": found.by_use,
        "not in the config": found.beside,
    }
    without = [f"; not counted, {why}: {', '.join(names)}" for why, names in reasons.items() if names]
    return f"{'at least ' if without else ''}{sums}{''.join(without)}"


def _span(part: Part) -> str:
    if part.high is None:
        return "price not known"
    return (
        f"{_money(part.high) if part.low == part.high else f'{_money(part.low or 0)} to {_money(part.high)}'} an hour"
    )


def _money(value: float) -> str:
    return f"{value:.2f}"
