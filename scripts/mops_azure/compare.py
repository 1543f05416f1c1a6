"""Compares a live resource with the desired one. Azure's normalisation is not a difference. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mops_azure import owned
from mops_azure.resources import COMPARISON
from mops_azure.resources.kind import Difference


def differences(desired: Any, live: Any, path: str = "") -> list[Difference]:
    """All properties of `desired` that `live` lacks. Extra ones in `live` count where the config is the owner (owned.py): in
    tags, labels, taints, zones and address ranges, also if empty in `desired`."""
    return list(_differences(desired, live, path))


def _differences(desired: Any, live: Any, path: str) -> Iterator[Difference]:
    if _is_empty(desired):
        return  # empty asks for Azure's default, whatever that is
    if isinstance(desired, Mapping):
        if live is not None and not isinstance(live, Mapping):
            yield Difference(path=path, live=live, desired=desired)
            return
        yield from _of_mapping(desired, live or {}, path)
    elif isinstance(desired, Sequence) and not isinstance(desired, str):
        yield from _of_list(desired, live, path)
    elif not _same(desired, live):
        yield Difference(path=path, live=live, desired=desired)


def _of_mapping(desired: Mapping[str, Any], live: Mapping[str, Any], path: str) -> Iterator[Difference]:
    found = {str(key).lower(): value for key, value in live.items()}
    for key, value in desired.items():
        below = f"{path}.{key}" if path else key
        actual = found.get(key.lower())
        if _is_owned(key, value):
            yield from _of_owned(key, value, actual, below)
            continue
        if _is_as_asked(key, value, actual, desired, live):
            continue
        if key == "location":
            value, actual = _place(value), _place(actual)
        yield from _differences(value, actual, below)


def _is_as_asked(key: str, value: Any, actual: Any, desired: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Compare a property that Azure is known to return differently from how it was sent."""
    rules = COMPARISON
    if rules.not_compared_beside.get(key) in desired or key in rules.never_returned:
        return True
    if key in rules.asks_for_default and value == rules.asks_for_default[key]:
        return True
    if actual is None and value in rules.left_out.get(key, ()):
        return True
    if key in rules.handed_over and desired.get(rules.handed_over[key]) is True:
        return True
    if key in rules.grows and desired.get(rules.grows[key]) == "Enabled" and isinstance(actual, int):
        return actual >= value
    return key in rules.shown_as and _runs(value, live, key)


def _of_owned(name: str, desired: Any, live: Any, path: str) -> Iterator[Difference]:
    if isinstance(desired, list):
        items = live if isinstance(live, list) else []
        if not owned.is_same_list(name, desired, items):
            yield Difference(path=path, live=live, desired=desired or None)
        return
    found = live if isinstance(live, Mapping) else {}
    spelled = {str(key).lower(): value for key, value in found.items()}
    for key, value in desired.items():
        actual = spelled.get(str(key).lower())
        if value is not None and str(value) != str("" if actual is None else actual):
            yield Difference(path=f"{path}.{key}", live=actual, desired=value)
    for key, value in owned.left_over(name, desired, found).items():
        yield Difference(path=f"{path}.{key}", live=value, desired=None)


def _of_list(desired: Sequence[Any], live: Any, path: str) -> Iterator[Difference]:
    items = list(live or []) if isinstance(live, Sequence | None) else [live]
    if all(isinstance(one, Mapping) and "name" in one for one in desired):
        named = {str(one.get("name")).lower(): one for one in items if isinstance(one, Mapping)}
        for one in desired:
            yield from _differences(one, named.get(str(one["name"]).lower()), f"{path}[{one['name']}]")
    elif all(isinstance(one, Mapping) for one in desired):
        if len(items) != len(desired):
            yield Difference(path=path, live=live, desired=desired)
            return
        for at, (one, actual) in enumerate(zip(desired, items, strict=True)):
            yield from _differences(one, actual, f"{path}[{at}]")
    elif sorted(map(_plain, desired), key=str) != sorted(map(_plain, items), key=str):
        yield Difference(path=path, live=live, desired=desired)


def _is_empty(value: Any) -> bool:
    """Whether a value is None, "", [], {} or a mapping of only such values.

    A map or list that the config owns does not count as empty: it asks for the removal of all entries.
    """
    if isinstance(value, Mapping):
        return all(_is_empty(one) and not _is_owned(key, one) for key, one in value.items())
    return value is None or value == "" or value == []


def _is_owned(key: str, value: Any) -> bool:
    return (key in COMPARISON.owned_maps or key in COMPARISON.owned_lists) and isinstance(value, Mapping | list)


def _plain(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _same(desired: Any, live: Any) -> bool:
    if isinstance(desired, bool) or isinstance(live, bool):
        return desired is live or (desired is False and live is None)
    if live is None:
        return desired == 0
    return _plain(desired) == _plain(live)


def _place(value: Any) -> Any:
    return value.replace(" ", "").lower() if isinstance(value, str) else value


def _runs(wanted: Any, live: Mapping[str, Any], key: str) -> bool:
    """Whether the running version satisfies the requested one: 1.35 is satisfied by any 1.35.x, 1.35.6 only by itself."""
    shown = [live.get(key), live.get(COMPARISON.shown_as[key])]
    return any(isinstance(one, str) and (one == wanted or one.startswith(f"{wanted}.")) for one in shown)
