"""The state of a resource, and whether Azure is changing it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mops_azure.resources import kind_of

IN_MOTION_ENDS = ("succeeded", "failed", "canceled")


def state_of(live: Any) -> str:
    """`Succeeded`, `Creating` ...; a resource without a state counts as Succeeded."""
    properties = (live or {}).get("properties") or {}
    kind = kind_of(live or {})
    if kind and kind.states and properties.get("state"):
        return kind.states.get(str(properties["state"]).lower(), str(properties["state"]))
    return str(properties.get("provisioningState") or "Succeeded")


def has_failed(live: Any) -> bool:
    """Whether Azure's last operation on it failed."""
    return live is not None and state_of(live).lower() in ("failed", "canceled")


def in_motion(live: Any) -> bool:
    """Whether Azure is still changing it; an unknown state counts as a change."""
    return live is not None and state_of(live).lower() not in IN_MOTION_ENDS


def going(live: Mapping[str, Any]) -> list[str]:
    """Ids of resources being deleted, without those inside them."""
    ids = [id_ for id_, one in live.items() if state_of(one).lower() == "deleting"]
    return [id_ for id_ in ids if not any(id_ != above and is_within(id_, above) for above in ids)]


def not_going(live: Mapping[str, Any]) -> dict[str, Any]:
    """The live resources without those being deleted and those inside them."""
    gone = going(live)
    return {id_: one for id_, one in live.items() if not any(is_within(id_, above) for above in gone)}


def is_within(id_: str, above: str) -> bool:
    """Whether it is that resource or inside it; both ids in lower case."""
    return f"{id_}/".startswith(f"{above}/")
