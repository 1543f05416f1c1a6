"""What it costs: from the retail price service on loopback, and from the shipped table when that is down."""

from __future__ import annotations

import datetime
import json
from typing import Any

from mops_azure.cost import cost_lines, estimate
from mops_azure.prices import shipped, table_of
from tests.azure.arm_server import ArmServer
from tests.azure.test_types import CONFIG


def item(service: str, price: float, unit: str = "1 Hour", **more: Any) -> dict[str, Any]:
    """As the service gives it (learn.microsoft.com, Azure Retail Prices)."""
    return {
        "currencyCode": "USD",
        "serviceName": service,
        "retailPrice": price,
        "unitPrice": price,
        "unitOfMeasure": unit,
        "type": "Consumption",
        "armRegionName": "eastus2",
        **more,
    }


def machine(size: str, price: float, *, sku: str = "", product: str = "Virtual Machines Dsv5 Series") -> dict[str, Any]:
    return item("Virtual Machines", price, armSkuName=size, skuName=sku or size, productName=product)


PRICES = [
    machine("Standard_D4s_v5", 9.0, product="Virtual Machines Dsv5 Series Windows"),
    machine("Standard_D4s_v5", 0.05, sku="D4s v5 Spot"),
    machine("Standard_D4s_v5", 0.06, sku="D4s v5 Low Priority"),
    machine("Standard_D4s_v5", 0.25, sku="D4s v5"),
    item("Container Registry", 0.48, "1/Day", meterName="Basic Registry Unit"),
    item("Azure Kubernetes Service", 0.1, meterName="Standard Uptime SLA"),
    item("Load Balancer", 0.025, meterName="Standard Included LB Rules and Outbound Rules", armRegionName="Global"),
    item("Virtual Network", 0.005, meterName="Standard IPv4 Static Public IP"),
    item("Virtual Network", 7.0, meterName="Standard IPv4 Static Public IP", armRegionName="brazilsouth"),
]


def test_the_price_service_is_asked_page_by_page_and_named_with_its_day(arm: ArmServer, config, mops_azure):
    arm.prices = PRICES
    pools = [{"name": "workcpu", "max": 4}, {"name": "cheap", "max": 4, "spot": True}]
    path = config(acr={"enabled": True}, aks={"workload_pools": pools})
    planned = mops_azure("plan", "--json", config=path)
    assert planned.returncode == 0, planned.stderr
    cost = json.loads(planned.stdout)["cost"]
    assert cost["as_of"] == datetime.date.today().isoformat()
    assert cost["hour"] == {
        "min": 0.3,
        "max": 2.0,
    }  # 1 to 3 and 0 to 4 at 0.25, 0 to 4 at 0.05, 0.025 + 0.005 + 0.48 / 24
    assert len(arm.price_filters) == 6  # machines are two pages
    assert "armSkuName eq 'Standard_D4s_v5'" in arm.price_filters[0]


def test_without_the_service_the_shipped_table_says_what_it_is(arm: ArmServer, config, mops_azure):
    planned = mops_azure("plan", config=config(acr={"enabled": True}))
    assert planned.returncode == 0
    assert "list prices of 2023-12-18, a shipped table: nodes as in eastus2" in planned.stdout
    assert "registry (Basic): 0.01" in planned.stdout
    assert mops_azure("create", "-y", config=config()).returncode == 0
    assert "0.19 USD an hour now (list prices of 2023-12-18" in mops_azure("status", config=config()).stdout


def test_against_a_file_nobody_is_asked(arm: ArmServer, config, mops_azure, tmp_path):
    (tmp_path / "nothing.json").write_text("[]")
    arm.prices = PRICES
    assert mops_azure("plan", "--against", "nothing.json", config=config()).returncode == 0
    assert arm.price_filters == []


def test_what_has_no_price_is_named_and_not_counted():
    found = estimate(CONFIG, table_of([], [], as_of="2026-11-25", source="x"))
    assert found.high == 0
    assert len(found.unknown) == 3  # two pools and the load balancer; the free control plane is free
    assert any("not counted, no price is known: pool system" in line for line in cost_lines(found))


def test_a_pool_of_no_nodes_costs_nothing_and_it_says_so():
    found = estimate(CONFIG, shipped())
    (pool,) = [part for part in found.parts if part.name.startswith("pool workcpu")]
    assert pool.low == 0
    assert "nothing while nobody works" in "\n".join(cost_lines(found))
