"""`mops-azure status`: what is there."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from modelops_runtime.contracts.plain_text import json_text, plain_line
from mops_azure import resources
from mops_azure.commands.common import arm_for, config_option, json_option, load_config
from mops_azure.config import AzureConfig
from mops_azure.kubernetes_versions import end_of_support
from mops_azure.leftovers import resources_left
from mops_azure.plan import under_way
from mops_azure.prices import price_table
from mops_azure.pricing import PriceTable, nodes_price
from mops_azure.resources.cluster import cluster_id, other_clusters, pools_left_alone, power_of, running_version
from mops_azure.resources.group import group_id
from mops_azure.resources.node_pool import pools_in
from mops_azure.resources.registry import registry_id
from mops_azure.states import is_within, state_of


@click.command()
@config_option
@json_option
@click.option("--watch", is_flag=True, help="Look on until nothing is under way.")
def command(config_path: Path, as_json: bool, watch: bool) -> None:
    """Show the cluster and the parts beside it: state, version and its end of support, pools, what the nodes cost an hour.

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
        unread: dict[str, str] = {}
        live = read_live(arm, config, unread)
        table = table or price_table(
            config, more_sizes=[str(pool.get("vmSize")) for pool in pools_left_alone(config, live)]
        )
        facts = facts_of(config, live, table, unread)
        text = json_text(facts, indent=2) if as_json else "\n".join(map(plain_line, lines(facts)))
        moving = next(under_way(live), None) is not None
        if text != shown and not (as_json and watch and moving):
            click.echo(text)
            shown = text
        if not watch or not moving:
            return
        time.sleep(pause)
        pause = min(pause * 1.5, 15)


def facts_of(config: AzureConfig, live: dict[str, Any], table: PriceTable, unread: dict[str, str]) -> dict[str, Any]:
    """For programs; None for what does not exist. `unread`: what may not be read -> the missing right."""
    cluster = live.get(cluster_id(config).lower())
    found = live.get(registry_id(config).lower()) if config.acr.enabled else None
    group = live.get(group_id(config).lower())
    return {
        "resource_group": {
            "name": config.group_name,
            "exists": group is not None,
            "state": state_of(group) if group is not None else None,
        },
        "cluster": _cluster(cluster, table) if cluster else None,
        "other_clusters": other_clusters(config, live),
        "registry": {"name": found["name"], "login_server": found["properties"].get("loginServer")} if found else None,
        "parts": [*_resource_facts(config, live, unread), *_left(config, live)],
        "notes": list(unread.values()),
    }


def _resource_facts(config: AzureConfig, live: dict[str, Any], unread: dict[str, str]) -> list[dict[str, Any]]:
    """Resources that the config switches on beside the cluster; `state` is None if one does not exist."""

    def state(id_: str) -> str | None:
        if any(is_within(id_, one) for one in unread):
            return "may not be read"
        return _own_state(live[id_]) if id_ in live else None

    beside = [one for one in resources.independent(config) if "tags" in one.body]
    wanted = [*resources.apart(config), *beside]
    return [{"kind": one.kind, "name": one.name, "state": state(one.id.lower()), "left_over": None} for one in wanted]


def _own_state(live: Any) -> str:
    """The state in the resource's terms: a database server is Ready or Stopped."""
    return str((live.get("properties") or {}).get("state") or state_of(live))


def _left(config: AzureConfig, live: dict[str, Any]) -> list[dict[str, Any]]:
    """Resources that exist although the config switches them off or names others."""
    return [
        {"kind": one.kind, "name": one.name, "state": state_of(live[one.id.lower()]), "left_over": one.why}
        for one in resources_left(config, live)
    ]


def _cluster(cluster: Any, table: PriceTable) -> dict[str, Any]:
    version = running_version(cluster)
    stopped = power_of(cluster) == "Stopped"
    pools = [_pool(pool, stopped, table) for pool in pools_in(cluster)]
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
    last = [*_registry_lines(facts), *_resource_lines(facts), *(f"note: {one}" for one in facts["notes"])]
    if not group["exists"]:
        return [f"resource group {group['name']}: {missing}", *last]
    going = ": being deleted" if group["state"].lower() == "deleting" else ""
    result = [
        f"resource group {group['name']}{going}",
        *(_cluster_lines(cluster) if cluster else [f"cluster: {missing}"]),
    ]
    result += [f"cluster {name}: ours too, though the config does not name it" for name in facts["other_clusters"]]
    return result + last


def _resource_lines(facts: dict[str, Any]) -> list[str]:
    def state_text(part: dict[str, Any]) -> str:
        return part["left_over"] or part["state"] or "not there; `mops-azure create` makes it"

    registry_name = facts["registry"]["name"].lower() if facts["registry"] else ""  # it has a line of its own
    shown = [one for one in facts["parts"] if one["kind"] != "registry" or one["name"].lower() != registry_name]
    return [f"{part['kind']} {part['name']}: {state_text(part)}" for part in shown]


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
