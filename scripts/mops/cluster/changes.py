"""Shows what a deployment would change, for --dry-run. Pure; a Secret's data is never shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_SHOWN = 6
"""Changed fields of one resource that are named."""

Resources = Sequence[Mapping[str, Any]]


def changes(before: Resources, after: Resources) -> list[str]:
    """One line per resource: `+` created, `~` changed (with fields), `-` removed; none for unchanged ones."""
    old, new = {_name(one): one for one in before}, {_name(one): one for one in after}
    lines = [f"+ {name}" for name in new if name not in old]
    for name in (name for name in new if name in old):
        # A Secret is rendered anew here, and kept by the cluster: its content tells nothing.
        differing = [] if name.startswith("Secret/") else list(_differences(old[name], new[name], ""))
        if differing:
            more = f", and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
            lines.append(f"~ {name}  {', '.join(differing[:_SHOWN])}{more}")
    return lines + [f"- {name}" for name in old if name not in new and not _is_kept(old[name])]


def _name(resource: Mapping[str, Any]) -> str:
    return f"{resource['kind']}/{resource['metadata']['name']}"


def _is_kept(resource: Mapping[str, Any]) -> bool:
    return (resource["metadata"].get("annotations") or {}).get("helm.sh/resource-policy") == "keep"


def _differences(old: Any, new: Any, path: str) -> Iterator[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _differences(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for at, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differences(one, other, f"{path}[{at}]")
    elif old != new:
        yield f"{path}: {_short(old)} -> {_short(new)}"


def _short(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, Mapping | list):
        return "{...}" if isinstance(value, Mapping) else "[...]"
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else f"{text[:37]}..."
