"""List prices: from Azure's public retail price service, or from the shipped table if that is unreachable."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any

from mops_azure import resources
from mops_azure.config import AzureConfig
from mops_azure.pricing import Meters, PriceTable

TIMEOUT_S = 4.0
"""Seconds for each request."""
PAGES = 20
PATH = "/api/retail/prices"


def shipped() -> PriceTable:
    """The shipped table, with its `source` and date (`as_of`)."""
    found = json.loads(files("mops_azure").joinpath("prices.json").read_text())
    return PriceTable(
        as_of=found["as_of"],
        source=found["source"],
        vm_size={size.lower(): price for size, price in found["vm_size"].items()},
        meters={**found["meters_hour"], **{name: price / 24 for name, price in found["meters_day"].items()}},
    )


def price_table(
    config: AzureConfig, *, more_sizes: Iterable[str] = (), today: datetime.date | None = None
) -> PriceTable:
    """Today's prices of the location for the config's VM sizes and `more_sizes`; the shipped ones if the
    service gives no useful answer."""
    sizes = sorted({config.aks.system_pool.vm_size, *(pool.vm_size for pool in config.aks.pools), *more_sizes})
    try:
        machines = fetch(
            config.prices, _filter(config.location, "Virtual Machines", [f"armSkuName eq '{one}'" for one in sizes])
        )
        if not machines:
            return shipped()
        others = [
            one
            for kind in resources.KINDS
            for meters in kind.meters
            for one in fetch(config.prices, _filter(config.location, meters.service, _asked(meters)))
        ]
    except OSError:
        return shipped()
    day = (today or datetime.date.today()).isoformat()
    return table_of(machines, others, as_of=day, source=f"Azure's retail price service, {config.location}")


def _filter(location: str, service: str, either: Sequence[str]) -> str:
    regions = f"(armRegionName eq '{location}' or armRegionName eq 'Global')"  # Global: the price of a load balancer
    found = f"serviceName eq '{service}' and {regions} and priceType eq 'Consumption'"
    return f"{found} and ({' or '.join(either)})" if either else found


def _asked(meters: Meters) -> list[str]:
    return [f"meterName eq '{name}'" for name in meters.names] if meters.asks_by_name else []


def fetch(endpoint: str, wanted: str) -> list[dict[str, Any]]:
    """All items that `wanted`, an OData filter, finds. Raises OSError when the service does not answer as it should."""
    import requests

    url, options = f"{endpoint}{PATH}", {"$filter": wanted}
    found: list[dict[str, Any]] = []
    for _ in range(PAGES):
        reply = requests.get(url, params=options, timeout=TIMEOUT_S)
        reply.raise_for_status()
        page = reply.json()  # requests' JSONDecodeError is an OSError too
        if not isinstance(page, dict) or not isinstance(page.get("Items"), list):
            raise OSError("this is no price list")
        found += [one for one in page["Items"] if isinstance(one, dict)]
        url, options = page.get("NextPageLink") or "", {}
        if not url.startswith(f"{endpoint}/"):
            break
    return found


def table_of(machines: list[dict[str, Any]], others: list[dict[str, Any]], *, as_of: str, source: str) -> PriceTable:
    """From the service's items. Pure."""
    plain: dict[str, float] = {}
    spot: dict[str, float] = {}
    for one in machines:
        name, product = str(one.get("skuName", "")), str(one.get("productName", ""))
        if one.get("unitOfMeasure") != "1 Hour" or "Windows" in product or "Cloud" in product or "Low Priority" in name:
            continue
        size, price = str(one.get("armSkuName", "")).lower(), float(one.get("retailPrice") or 0)
        if price > 0:
            (spot if "Spot" in name else plain)[size] = price
    return PriceTable(as_of=as_of, source=source, vm_size=plain, spot=spot, meters=_by_meter(others))


def _by_meter(items: list[dict[str, Any]]) -> dict[str, float]:
    """US dollars an hour, by name; without meters that are free or in other units."""
    hours = {"1 Hour": 1, "1/Hour": 1, "1/Day": 24}
    priced = {str(one.get("meterName")): one for one in items if float(one.get("retailPrice") or 0) > 0}
    return {
        name: float(one["retailPrice"]) / hours[str(one["unitOfMeasure"])]
        for name, one in priced.items()
        if one.get("unitOfMeasure") in hours
    }
