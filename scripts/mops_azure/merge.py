"""Merges a desired resource into the live one for a PUT. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import cache
from importlib.resources import files
from typing import Any, TypeGuard

from mops_azure.resources import BY_NAME
from mops_azure.resources.kind import Resource

FROM_THE_ADDRESS = ("id", "name", "type", "apiversion", "etag")
"""Top-level keys of every resource that do not belong in a body."""

EACH_ITEM, EACH_VALUE = "[]", "{}"
Tree = Mapping[str, Any]
"""Name in lower case, EACH_ITEM or EACH_VALUE -> the read-only part below it; None: all of it is read-only."""

NOTHING: Tree = {}


def merged(resource: Resource, live: Any) -> dict[str, Any]:
    """The live resource without read-only properties, overlaid with `resource.body`; None in that removes a property.
    The kind may adjust the result."""
    found = {key: value for key, value in live.items() if str(key).lower() not in FROM_THE_ADDRESS}
    kept = _writable(found, read_only(resource.kind))
    body = _on_top(kept, resource.body)
    if adapt := BY_NAME[resource.kind].kept:
        adapt(body, resource.body, kept)
    return body


@cache
def read_only(kind: str) -> Tree:
    """The read-only properties of a kind, from Microsoft's published types (read_only.json, which the tests generate)."""
    paths = BY_NAME[kind].read_only
    if paths is None:
        paths = json.loads(files("mops_azure").joinpath("read_only.json").read_text())["kinds"][kind]["paths"]
    tree: dict[str, Any] = {}
    for path in paths:
        *outer, last = path.replace(EACH_ITEM, f".{EACH_ITEM}").replace(EACH_VALUE, f".{EACH_VALUE}").lower().split(".")
        below = tree
        for step in outer:
            below = below.setdefault(step, {})
        below[last] = None
    return tree


def _writable(value: Any, below: Tree) -> Any:
    """`value` without the read-only part `below`, without nulls, and without items that are then empty: Azure refuses a list
    with {} in it."""
    if isinstance(value, Mapping):
        result: dict[str, Any] = {}
        for key, one in value.items():
            is_named = str(key).lower() in below
            step = below[str(key).lower()] if is_named else below.get(EACH_VALUE, NOTHING)
            if one is None or step is None:
                continue
            kept = _writable(one, step)
            if kept or not one or not is_named or not isinstance(one, Mapping | list):
                result[key] = kept
        return result
    if isinstance(value, list):
        items = [_writable(one, below.get(EACH_ITEM, NOTHING)) for one in value if one is not None]
        return [one for one in items if one != {}]
    return value


def _on_top(below: Any, above: Any) -> Any:
    if _is_mappings(below) and _is_mappings(above):
        return _items_on_top(below, above)
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return deepcopy(above)
    result = dict(below)
    spelled = {str(key).lower(): key for key in below}
    for key, value in above.items():
        old = result.pop(spelled[key.lower()], None) if key.lower() in spelled else None
        if value is not None:
            result[key] = _on_top(old, value)
    return result


def _is_mappings(value: Any) -> TypeGuard[Sequence[Mapping[str, Any]]]:
    return isinstance(value, list) and all(isinstance(one, Mapping) for one in value)


def _items_on_top(below: Sequence[Mapping[str, Any]], above: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The items of `above`, each laid over the item of `below` with the same name, or at the same index if they have no names."""
    if all("name" in one for one in above):
        named = {str(one.get("name")).lower(): one for one in below}
        return [_on_top(named.get(str(one["name"]).lower()), one) for one in above]
    if len(below) != len(above):
        return deepcopy(list(above))
    return [_on_top(old, new) for old, new in zip(below, above, strict=True)]
