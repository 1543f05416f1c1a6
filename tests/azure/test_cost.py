"""What it costs: from the retail price service on loopback, and from the shipped table when that is down."""

from __future__ import annotations

import datetime
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mops_azure.config import AzureConfig
from mops_azure.cost import cost_lines, estimate
from mops_azure.prices import shipped, table_of
from mops_azure.pricing import PriceTable
from mops_azure.resources.cluster import RULES, cluster_id, pools_left_alone
from tests.azure.arm_server import SUBSCRIPTION, ArmServer
from tests.azure.test_types import CONFIG, configs


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


GPU = "Standard_NC24ads_A100_v4"
SIZES = ["Standard_D4s_v5", "Standard_E8s_v5", GPU]
CLUSTER = (
    f"/subscriptions/{SUBSCRIPTION}/resourcegroups/modelops-anna/providers/"
    "microsoft.containerservice/managedclusters/modelops"
)


@given(configs(), st.dictionaries(st.sampled_from(SIZES), st.floats(0.01, 9), max_size=3), st.booleans(), st.data())
def test_the_headline_names_all_that_it_leaves_out(
    config: AzureConfig, prices: dict[str, float], known: bool, data: st.DataObject
):
    prices = {size.lower(): price for size, price in prices.items()}
    table = PriceTable(
        as_of="2026-11-25", source="x", vm_size=prices, spot=data.draw(st.sampled_from([{}, prices])),
        meters={RULES: 0.025} if known else {},
    )  # fmt: skip
    other = {"name": "byhand", "vmSize": data.draw(st.sampled_from(SIZES)), "count": data.draw(st.integers(0, 3))}
    live = {cluster_id(config).lower(): {"properties": {"agentPoolProfiles": [other]}}}
    found = estimate(config, table, live)
    headline = cost_lines(found)[1]
    pools = [(pool.name, pool.vm_size, pool.max) for pool in [*config.aks.pools]]
    pools += [("system", config.aks.system_pool.vm_size, 1), ("byhand", other["vmSize"], other["count"])]
    missing = [name for name, size, most in pools if most and size.lower() not in prices]
    for name in missing:
        assert f"pool {name} (" in headline
    for part, is_there in (("database server", config.postgres), ("log workspace", config.logs)):
        assert (part in headline) == is_there.enabled
    assert ("load balancer" in headline) == (not known)
    assert headline.strip().startswith("at least") or "not counted" not in headline
    assert (found.as_dict()["month"]["max"] is None) == bool(found.unknown)
    assert all(len(line) <= 100 for line in cost_lines(found)[:1])


def test_a_size_without_a_price_is_in_the_headline_of_plan_and_status(arm: ArmServer, config, mops_azure):
    path = config(aks={"workload_pool": {"name": "gpu", "vm_size": GPU, "min": 1, "max": 2}})
    arm.prices = PRICES
    planned = mops_azure("plan", config=path).stdout
    assert (
        "at least 0.28 an hour, 204 a month; not counted, no price is known: pool gpu (1 to 2 Standard_NC24" in planned
    )
    assert mops_azure("create", "-y", config=path).returncode == 0
    shown = mops_azure("status", config=path).stdout
    assert "nodes cost at least 0.25 USD an hour now, without pool gpu" in shown


def test_a_pool_that_the_config_does_not_name_is_counted_with_its_price(arm: ArmServer, config, mops_azure):
    assert mops_azure("create", "-y", config=config()).returncode == 0
    pools = arm.resources[CLUSTER]["properties"]["agentPoolProfiles"]
    pools.append({"name": "byhand", "vmSize": "Standard_E8s_v5", "count": 2, "provisioningState": "Succeeded"})
    arm.prices = [*PRICES, machine("Standard_E8s_v5", 0.5, sku="E8s v5")]
    cost = json.loads(mops_azure("plan", "--json", config=config()).stdout)["cost"]
    (part,) = [one for one in cost["parts"] if "byhand" in one["name"]]
    assert (part["low"], part["high"], part["note"]) == (1.0, 1.0, "not in the config, left alone")
    assert cost["hour"]["min"] == 1.28
    assert "pool byhand: 2 nodes, fixed, Standard_E8s_v5" in mops_azure("status", config=config()).stdout
    assert pools_left_alone(CONFIG, {}) == []


def test_the_line_of_stale_prices_is_short(config, mops_azure):
    planned = mops_azure("plan", config=config()).stdout
    (line,) = [one for one in planned.splitlines() if "list prices of" in one]
    assert line == "Cost in US dollars (list prices of 2023-12-18, a shipped table: nodes as in eastus2):"
