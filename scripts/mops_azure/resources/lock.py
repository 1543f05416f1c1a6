"""A lock that keeps the group of the cluster from being deleted."""

from __future__ import annotations

from mops_azure.resources.group import group_id
from mops_azure.resources.kind import Kind, Resource
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


KIND = Kind(name="lock", type="Microsoft.Authorization/locks", api_version=LOCKS, is_at_once=True)
KINDS = (KIND,)
