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


def read_only_paths(resource_type: str, api_version: str) -> list[str]:
    """What Azure alone writes and nobody may send, sorted: `a.b[].c` of each item of a list, `a.b{}.c` of each value of a map."""
    types, index = _documents()[f"{resource_type}@{api_version}".lower()]
    paths = _paths(types, index, "", frozenset())
    return sorted(path for path, flags in paths if flags & READ_ONLY and path not in FROM_THE_ADDRESS)


def _paths(types: list[Any], index: int, path: str, above: frozenset[int]) -> Iterator[tuple[str, int]]:
    """(path, flags) of all properties, to where a type comes again within itself; nothing is below what is read-only."""
    kind = types[index]
    assert kind["$type"] != "DiscriminatedObjectType", f"{path}: what may be written depends on its kind"
    if index in above:
        return
    above |= {index}
    for key, one in kind.get("properties", {}).items():
        below = f"{path}.{key}" if path else key
        yield below, one["flags"]
        if not one["flags"] & READ_ONLY:
            yield from _paths(types, _index(one["type"]), below, above)
    for step, more in (("[]", kind.get("itemType")), ("{}", kind.get("additionalProperties"))):
        if isinstance(more, dict):
            yield from _paths(types, _index(more), f"{path}{step}", above)


def writable_leaves(resource_type: str, api_version: str, value: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """(path, value) of all in a resource that may be written and is not null; what the types do not know is left out."""
    types, index = _documents()[f"{resource_type}@{api_version}".lower()]
    top = {key: one for key, one in value.items() if key not in FROM_THE_ADDRESS}
    return _leaves(types, index, top, ())


def _leaves(types: list[Any], index: int, value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[Any, Any]]:
    kind = types[index]
    if isinstance(value, dict) and kind["$type"] == "ObjectType":
        known = {key.lower(): one for key, one in kind.get("properties", {}).items()}
        for key, one in value.items():
            said = known.get(key.lower(), {"flags": 0, "type": kind.get("additionalProperties")})
            if said["type"] and not said["flags"] & READ_ONLY:
                yield from _leaves(types, _index(said["type"]), one, (*path, key))
    elif isinstance(value, list) and "itemType" in kind:
        for at, one in enumerate(value):
            yield from _leaves(types, _index(kind["itemType"]), one, (*path, at))
    elif value is not None:
        yield path, value


def whole(resource_type: str, api_version: str) -> Any:
    """A resource with every property that its type has, read-only ones too; lists and maps hold one thing."""
    types, index = _documents()[f"{resource_type}@{api_version}".lower()]
    return _whole(types, index, frozenset())


def _whole(types: list[Any], index: int, above: frozenset[int]) -> Any:
    kind = types[index]
    above |= {index}
    if kind["$type"] == "ObjectType":
        shown = {key: one for key, one in kind.get("properties", {}).items() if not one["flags"] & WRITE_ONLY}
        result = {
            key: _whole(types, _index(one["type"]), above)
            for key, one in shown.items()
            if _index(one["type"]) not in above
        }
        more = kind.get("additionalProperties")
        return {**result, "name": _whole(types, _index(more), above)} if more else result
    if kind["$type"] == "ArrayType":
        return [_whole(types, _index(kind["itemType"]), above)]
    if kind["$type"] == "UnionType":
        return _whole(types, _index(kind["elements"][0]), above)
    return {"BooleanType": True, "IntegerType": kind.get("minValue", 1), "StringLiteralType": kind.get("value")}.get(
        kind["$type"], "text"
    )


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
            if one == {}:
                found.append(f"{path}[{at}]: an empty item")
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
            if properties[key]["flags"] & REQUIRED and key.lower().endswith("name") and one == "":
                found.append(f"{below}: required, and empty")
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
