"""A lock that keeps the group of the cluster from being deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mops_azure.resources.group import group_id
from mops_azure.resources.kind import Kind, Live, Resource
from mops_azure.settings import Settings

LOCKS = "2020-05-01"
LOCK_NAME = "modelops-keep"


def lock(config: Settings) -> Resource:
    body = {
        "properties": {"level": "CanNotDelete", "notes": "set by mops-azure; `mops-azure delete --unlock` removes it"}
    }
    return Resource(
        kind=KIND.name,
        name=LOCK_NAME,
        id=f"{group_id(config)}/providers/Microsoft.Authorization/locks/{LOCK_NAME}",
        api_version=LOCKS,
        body=body,
    )


def is_our_lock(live: Any) -> bool:
    """Whether a live lock is the one that the config can ask for: locks carry no tags."""
    return live["name"] == LOCK_NAME


def _notes(config: Settings, live: Live) -> Iterator[str]:
    if not config.lock and lock(config).id.lower() in live:
        yield f"lock {LOCK_NAME} is still there, though the config asks for none; `mops-azure delete --unlock` removes it"


KIND = Kind(
    name="lock",
    type="Microsoft.Authorization/locks",
    api_version=LOCKS,
    is_at_once=True,
    is_right_checked=True,
    notes=_notes,
)
KINDS = (KIND,)
