"""`mops-azure status`: what is there."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from mops_azure import desired
from mops_azure.commands.common import arm_for, config_option, json_option, load_config
from mops_azure.config import AzureConfig
from mops_azure.cost import left_alone, nodes_price
from mops_azure.plan import other_clusters, power_of, state_of, under_way
from mops_azure.prices import PriceTable, price_table
from mops_azure.support import end_of_support


@click.command()
@config_option
@json_option
@click.option("--watch", is_flag=True, help="Look on until nothing is under way.")
def command(config_path: Path, as_json: bool, watch: bool) -> None:
    """Show the cluster: state, version and its end of support, pools, what it costs an hour.

    \b
    mops-azure status
    mops-azure status --watch
    """
    config = load_config(config_path)
    arm = arm_for(config)
    from mops_azure.live import read_live

    table = None
    shown, pause = "", 1.0
    while True:
        live = read_live(arm, config)
        table = table or price_table(config, more_sizes=[str(pool.get("vmSize")) for pool in left_alone(config, live)])
        facts = facts_of(config, live, table)
        text = json.dumps(facts, indent=2) if as_json else "\n".join(lines(facts))
        moving = next(under_way(live), None) is not None
        if text != shown and not (as_json and watch and moving):
            click.echo(text)
            shown = text
        if not watch or not moving:
            return
        time.sleep(pause)
        pause = min(pause * 1.5, 15)


def facts_of(config: AzureConfig, live: dict[str, Any], table: PriceTable) -> dict[str, Any]:
    """For programs; None where nothing is there."""
    cluster = live.get(desired.cluster_id(config).lower())
    registry = live.get(desired.registry_id(config).lower())
    return {
        "resource_group": {"name": config.group_name, "exists": desired.group_id(config).lower() in live},
        "cluster": _cluster(cluster, table) if cluster else None,
        "other_clusters": other_clusters(config, live),
        "registry": {"name": registry["name"], "login_server": registry["properties"].get("loginServer")}
        if registry
        else None,
    }


def _cluster(cluster: Any, table: PriceTable) -> dict[str, Any]:
    properties = cluster["properties"]
    version = properties.get("currentKubernetesVersion") or properties.get("kubernetesVersion") or ""
    stopped = power_of(cluster) == "Stopped"
    pools = [_pool(pool, stopped, table) for pool in properties.get("agentPoolProfiles") or []]
    known = [pool["usd_per_hour"] for pool in pools]
    return {
        "name": cluster["name"],
        "state": state_of(cluster),
        "power": power_of(cluster),
        "version": version,
        "support_ends": end_of_support(version),
        "location": cluster.get("location"),
        "pools": pools,
        "nodes_usd_per_hour": None if None in known else round(sum(known), 4),
        "prices": {"as_of": table.as_of, "source": table.source},
    }


def _pool(pool: Any, stopped: bool, table: PriceTable) -> dict[str, Any]:
    count = 0 if stopped else pool.get("count") or 0
    return {
        "name": pool["name"],
        "mode": pool.get("mode"),
        "vm_size": pool.get("vmSize"),
        "nodes": count,
        "min": pool.get("minCount"),
        "max": pool.get("maxCount"),
        "state": pool.get("provisioningState"),
        "usd_per_hour": nodes_price(str(pool.get("vmSize")), count, table, spot=pool.get("scaleSetPriority") == "Spot"),
    }


def lines(facts: dict[str, Any]) -> list[str]:
    """For people."""
    group, cluster = facts["resource_group"], facts["cluster"]
    missing = "not there; `mops-azure create` makes it"
    if not group["exists"]:
        return [f"resource group {group['name']}: {missing}", *_registry_lines(facts)]
    result = [f"resource group {group['name']}", *(_cluster_lines(cluster) if cluster else [f"cluster: {missing}"])]
    result += [f"cluster {name}: ours too, though the config does not name it" for name in facts["other_clusters"]]
    return result + _registry_lines(facts)


def _registry_lines(facts: dict[str, Any]) -> list[str]:
    found = facts["registry"]
    return [f"registry {found['name']}: {found['login_server']}"] if found else []


def _cluster_lines(cluster: dict[str, Any]) -> list[str]:
    result = [f"cluster {cluster['name']}: {cluster['state']}, {cluster['power']}, in {cluster['location']}"]
    result.append(f"  Kubernetes {cluster['version']}, supported until {cluster['support_ends']}")
    for pool in cluster["pools"]:
        price = "price not known" if pool["usd_per_hour"] is None else f"{pool['usd_per_hour']:.2f} USD an hour"
        is_scaled = pool["max"] is not None
        nodes = (
            f"{pool['nodes']} of {pool['min']} to {pool['max']} nodes" if is_scaled else f"{pool['nodes']} nodes, fixed"
        )
        result.append(f"  pool {pool['name']}: {nodes}, {pool['vm_size']}, {pool['state']}, {price}")
    known = sum(pool["usd_per_hour"] or 0 for pool in cluster["pools"])
    unknown = [f"pool {pool['name']}" for pool in cluster["pools"] if pool["usd_per_hour"] is None]
    least, without = ("at least ", f", without {', '.join(unknown)}") if unknown else ("", "")
    result.append(
        f"  nodes cost {least}{known:.2f} USD an hour now{without} "
        f"(list prices of {cluster['prices']['as_of']}, without disks and traffic)"
    )
    return result
