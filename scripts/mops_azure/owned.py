"""Maps and lists that the config owns as a whole: other entries are removed, except those that Azure adds. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mops_azure.resources import COMPARISON


def is_added_by_azure(collection: str, entry: Any) -> bool:
    """Whether an entry of the map or list called `collection` is one that Azure adds by itself."""
    pattern = COMPARISON.owned_maps.get(collection) or COMPARISON.owned_lists.get(collection)
    return bool(pattern) and re.fullmatch(pattern, str(entry), re.IGNORECASE) is not None


def left_over(collection: str, desired: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a live map that are neither desired nor added by Azure."""
    asked = {str(key).lower() for key, value in desired.items() if value is not None}
    return {
        key: value
        for key, value in live.items()
        if value is not None and str(key).lower() not in asked and not is_added_by_azure(collection, key)
    }


def is_same_list(collection: str, desired: Sequence[Any], live: Sequence[Any]) -> bool:
    wanted, found = {_entry(one) for one in desired}, {_entry(one) for one in live}
    return wanted == {one for one in found if one in wanted or not is_added_by_azure(collection, one)}


def _entry(value: Any) -> str:
    """An IP address as a network, so that `10.0.0.1` equals `10.0.0.1/32`; any other value as text."""
    try:
        return str(ipaddress.ip_network(str(value).strip(), strict=False))
    except ValueError:
        return str(value).strip()


def with_removals(body: Any, live: Any) -> Any:
    """The body to send, so that maps and lists which the config owns lose the entries that it does not name.

    An entry to remove from a map is sent as None. Azure's own entries stay in a list. An empty list is left out unless the live
    list has entries to remove.
    """
    if isinstance(body, list):
        return [with_removals(one, None) for one in body]
    if not isinstance(body, Mapping):
        return body
    found = {str(key).lower(): value for key, value in live.items()} if isinstance(live, Mapping) else {}
    result: dict[str, Any] = {}
    for key, value in body.items():
        actual = found.get(key.lower())
        if key in COMPARISON.owned_maps and isinstance(value, Mapping):
            there = actual if isinstance(actual, Mapping) else {}
            result[key] = {**value, **dict.fromkeys(left_over(key, value, there))}
        elif key in COMPARISON.owned_lists and isinstance(value, list):
            there = actual if isinstance(actual, list) else []
            kept = [*value, *(one for one in there if one not in value and is_added_by_azure(key, one))]
            result |= {key: kept} if kept or there else {}
        else:
            sent = with_removals(value, actual)
            result |= {key: sent} if sent or not value else {}
    return result
