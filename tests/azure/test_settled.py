"""What Azure accepted against what Azure then returned: 461 recorded pairs (recorded/NOTICE.md)."""

from __future__ import annotations

import gzip
import json
import re
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mops_azure.compare import differences
from tests.azure import settle

RECORDED = Path(__file__).parent / "recorded" / "settled.jsonl.gz"

REASONS = {
    "networkProfile.loadBalancerProfile.effectiveOutboundIPs": "read-only by the published types; old clients sent it back",
    "networkProfile.natGatewayProfile.effectiveOutboundIPs": "read-only by the published types; old clients sent it back",
    "upgradeSettings.overrideSettings.until": "the same instant, written without its zero milliseconds",
    "servicePrincipalProfile.clientId": "Azure shows msi, or an id, for what was a name",
    "httpProxyConfig.noProxy": "Azure adds addresses of its own",
    "networkProfile.podCidrs": "Azure adds the IPv6 network of a dual-stack cluster",
    "networkProfile.serviceCidrs": "Azure adds the IPv6 network of a dual-stack cluster",
    "serviceMeshProfile.istio.revisions": "not shown while the mesh is off",
    "count": "a body of an agent pool, scaled before it was read",
}
"""Property -> why it is told as different although nobody changed it."""


@cache
def pairs() -> list[dict[str, Any]]:
    with gzip.open(RECORDED, "rt") as file:
        return [json.loads(line) for line in file]


def _property(path: str) -> str:
    return re.sub(r"^properties\.|\[[^]]*\](\.id)?", "", path)


def test_at_least_nine_in_ten_pairs_give_an_empty_plan_and_the_others_a_known_reason():
    found = [differences(pair["request"], pair["settled"]) for pair in pairs()]
    assert len(found) == 461
    empty = sum(not one for one in found)
    assert empty >= 432, f"{empty} of {len(found)} are empty"
    unexplained = {_property(one.path) for some in found for one in some} - REASONS.keys()
    assert unexplained == set()


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for key, one in value.items() for leaf in _leaves(one, (*path, key))]
    if isinstance(value, list):
        return [leaf for at, one in enumerate(value) for leaf in _leaves(one, (*path, at))]
    return [path]


def _changed(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 17
    return f"{value}-changed"


UNSEEN = {"secret", "adminPassword", "serverAppSecret"}
"""Azure never shows these, so a change of them alone cannot be seen."""


@pytest.mark.parametrize("year", ["2021", "2024"])
def test_a_change_of_any_sent_property_is_seen(year: str):
    """Every leaf of every request in turn: a comparison that drops a property turns this red."""
    missed: set[str] = set()
    tried = 0
    for pair in [one for one in pairs() if one["recorded"] == year]:
        before = {one.path for one in differences(pair["request"], pair["settled"])}
        for path in _leaves(pair["request"]):
            names = [part for part in path if isinstance(part, str)]
            if names[-1] == "name" or names[-1] in UNSEEN:
                continue
            request = deepcopy(pair["request"])
            *outer, last = path
            holder = request
            for part in outer:
                holder = holder[part]
            autoscaled = last == "count" and holder.get("enableAutoScaling") is True
            if autoscaled:
                continue  # the autoscaler's, by intent
            holder[last] = _changed(holder[last])
            tried += 1
            if {one.path for one in differences(request, pair["settled"])} <= before and not _told(pair, path):
                missed.add(".".join(names))
    assert tried > 1000
    assert missed == set()


def _told(pair: Any, path: tuple[Any, ...]) -> bool:
    """It was told as different before the change already."""
    names = ".".join(part for part in path if isinstance(part, str))
    told = [re.sub(r"\[[^]]*\]", "", one.path) for one in differences(pair["request"], pair["settled"])]
    return any(names == one or names.startswith(one) for one in told)


def _dropped(request: Any, settled: Any, path: str = "") -> set[str]:
    """Properties that were sent and are not in the answer."""
    if isinstance(request, dict):
        if not isinstance(settled, dict):
            return {path}
        missing = {f"{path}.{key}" for key in request.keys() - settled.keys()}
        return missing.union(
            *(_dropped(request[key], settled[key], f"{path}.{key}") for key in request.keys() & settled.keys())
        )
    if isinstance(request, list) and isinstance(settled, list):
        return {one for a, b in zip(request, settled, strict=False) for one in _dropped(a, b, f"{path}[]")}
    return set()


def test_our_loopback_azure_drops_what_the_recordings_drop():
    """The settle rules are Azure's: in the 2024 recordings, what vanishes there vanishes here, but for rare old things."""
    agree = total = 0
    clusters = [pair for pair in pairs() if "agentPoolProfiles" in pair["request"].get("properties", {})]
    for pair in [one for one in clusters if one["recorded"] == "2024"]:
        here = settle.cluster(pair["request"], group="g", name="n", subscription="s", latest={"1.35": "1.35.6"})
        total += 1
        agree += _dropped(pair["request"], pair["settled"]) == _dropped(pair["request"], here)
    assert total > 200
    assert agree / total >= 0.9, f"{agree} of {total}"
