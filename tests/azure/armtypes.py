"""Checks a request body against Microsoft's published resource types (types/NOTICE.md)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "types"
REQUIRED, READ_ONLY, WRITE_ONLY, DEPLOY_TIME, IDENTIFIER = 1, 2, 4, 8, 16
FROM_THE_ADDRESS = ("id", "name", "type", "apiVersion")


@cache
def _documents() -> dict[str, tuple[list[Any], int]]:
    """`microsoft.x/y@version` -> (all types of its file, index of its body)."""
    found = {}
    for path in FOLDER.glob("*.json"):
        types = json.loads(path.read_text())
        for one in types:
            if one["$type"] == "ResourceType":
                found[one["name"].lower()] = (types, _index(one["body"]))
    return found


def _index(reference: dict[str, str]) -> int:
    return int(reference["$ref"].removeprefix("#/"))


def resource_types() -> list[str]:
    """`microsoft.x/y@version` of all files, in lower case."""
    return list(_documents())


def known(resource_type: str, api_version: str) -> bool:
    return f"{resource_type}@{api_version}".lower() in _documents()


def mistakes(resource_type: str, api_version: str, body: Any) -> list[str]:
    """What is wrong with the body of a PUT; empty when nothing is."""
    types, index = _documents()[f"{resource_type}@{api_version}".lower()]
    found: list[str] = []
    _check(types, index, body, "", found)
    return found


def mistakes_of_answer(resource_type: str, api_version: str, answer: Any) -> list[str]:
    """What is wrong with a resource as the loopback shows it: it may hold what Azure alone writes, never what it never shows."""
    types, index = _documents()[f"{resource_type}@{api_version}".lower()]
    found: list[str] = []
    _check(types, index, answer, "", found)
    return [one for one in found if not one.endswith(": read-only")] + list(_never_shown(types, index, answer, ""))


def _never_shown(types: list[Any], index: int, value: Any, path: str) -> Iterator[str]:
    for key, one in types[index].get("properties", {}).items():
        if isinstance(value, dict) and key in value:
            if one["flags"] & WRITE_ONLY:
                yield f"{path}.{key}: write-only"
            yield from _never_shown(types, _index(one["type"]), value[key], f"{path}.{key}")


def read_only_names(resource_type: str, api_version: str) -> set[str]:
    """Names in lower case, at any depth, of what Azure alone writes and nobody may send."""
    types, index = _documents()[f"{resource_type}@{api_version}".lower()]
    found: set[str] = set()
    open_, seen = [index], set()
    while open_:
        at = open_.pop()
        if at in seen:
            continue
        seen.add(at)
        for key, one in types[at].get("properties", {}).items():
            if one["flags"] & READ_ONLY:
                found.add(key.lower())
            else:
                open_.append(_index(one["type"]))
        for more in ("additionalProperties", "itemType"):
            if isinstance(types[at].get(more), dict):
                open_.append(_index(types[at][more]))
    return found - {one.lower() for one in FROM_THE_ADDRESS}


def _check(types: list[Any], index: int, value: Any, path: str, found: list[str]) -> None:
    kind = types[index]
    name = kind["$type"]
    if name == "ObjectType":
        _check_object(types, kind, value, path, found)
    elif name == "DiscriminatedObjectType":
        _check_discriminated(types, kind, value, path, found)
    elif name == "ArrayType":
        if not isinstance(value, list):
            found.append(f"{path}: a list is wanted")
            return
        if len(value) < kind.get("minLength", 0):
            found.append(f"{path}: too few items")
        for at, one in enumerate(value):
            _check(types, _index(kind["itemType"]), one, f"{path}[{at}]", found)
    elif name == "UnionType":
        _check_union(types, kind, value, path, found)
    elif name == "StringLiteralType":
        if not isinstance(value, str) or value.lower() != kind["value"].lower():
            found.append(f"{path}: {value!r} is not {kind['value']!r}")
    elif name == "StringType":
        _check_string(kind, value, path, found)
    elif name == "IntegerType":
        if isinstance(value, bool) or not isinstance(value, int | float):
            found.append(f"{path}: a number is wanted")
        elif not kind.get("minValue", value) <= value <= kind.get("maxValue", value):
            found.append(f"{path}: {value} is out of range")
    elif name == "BooleanType" and not isinstance(value, bool):
        found.append(f"{path}: true or false is wanted")


def _check_string(kind: Any, value: Any, path: str, found: list[str]) -> None:
    if not isinstance(value, str):
        found.append(f"{path}: text is wanted")
        return
    if not kind.get("minLength", 0) <= len(value) <= kind.get("maxLength", len(value)):
        found.append(f"{path}: {value!r} is too short or too long")
    if "pattern" in kind and not re.search(kind["pattern"], value):
        found.append(f"{path}: {value!r} does not match {kind['pattern']}")


def _check_union(types: list[Any], kind: Any, value: Any, path: str, found: list[str]) -> None:
    """An open enumeration (literals or any text) is held to its literals: what we send is never of our own making."""
    members = [types[_index(one)] for one in kind["elements"]]
    literals = [one["value"].lower() for one in members if one["$type"] == "StringLiteralType"]
    if literals:
        if not isinstance(value, str) or value.lower() not in literals:
            found.append(f"{path}: {value!r} is none of {literals}")
        return
    tries = []
    for one in kind["elements"]:
        wrong: list[str] = []
        _check(types, _index(one), value, path, wrong)
        tries.append(wrong)
    if all(tries):
        found.extend(min(tries, key=len))


def _check_object(
    types: list[Any], kind: Any, value: Any, path: str, found: list[str], extra: tuple[str, ...] = ()
) -> None:
    if not isinstance(value, dict):
        found.append(f"{path}: a mapping is wanted")
        return
    properties, others = kind.get("properties", {}), kind.get("additionalProperties")
    for key, one in properties.items():
        from_address = not path and key in FROM_THE_ADDRESS
        if one["flags"] & REQUIRED and key not in value and not from_address:
            found.append(f"{path}.{key}: required")
    for key, one in value.items():
        if key in extra:
            continue
        below = f"{path}.{key}" if path else key
        if key in properties:
            if properties[key]["flags"] & READ_ONLY:
                found.append(f"{below}: read-only")
            _check(types, _index(properties[key]["type"]), one, below, found)
        elif others:
            _check(types, _index(others), one, below, found)
        else:
            found.append(f"{below}: unknown property")


def _check_discriminated(types: list[Any], kind: Any, value: Any, path: str, found: list[str]) -> None:
    key = kind["discriminator"]
    if not isinstance(value, dict) or value.get(key) not in kind["elements"]:
        found.append(f"{path}.{key}: none of {list(kind['elements'])}")
        return
    element = types[_index(kind["elements"][value[key]])]
    both = {"properties": {**kind.get("baseProperties", {}), **element.get("properties", {})}}
    _check_object(types, both, value, path, found)
