"""A resource group: of the cluster, or of the registry."""

from __future__ import annotations

from mops_azure.resources.kind import Kind, Resource
from mops_azure.settings import Settings

GROUPS = "2025-04-01"


def group_id(config: Settings, group: str | None = None) -> str:
    return f"/subscriptions/{config.subscription_id}/resourceGroups/{group or config.group_name}"


def group_name_in(id_: str) -> str:
    """Name of the group of the resource with that id."""
    return id_.split("/")[4]


def group(config: Settings, name: str | None = None) -> Resource:
    name = name or config.group_name
    body = {"location": config.location, "tags": config.all_tags}
    return Resource(kind=KIND.name, name=name, id=group_id(config, name), api_version=GROUPS, body=body)


def _summary(resource: Resource) -> list[str]:
    body = resource.body
    return [f"in {body['location']}, tags {', '.join(f'{key}={value}' for key, value in body['tags'].items())}"]


KIND = Kind(
    name="resource group",
    type="Microsoft.Resources/resourceGroups",
    api_version=GROUPS,
    replacing=("location",),
    deleted_by="`mops-azure delete` or `mops-azure registry delete`, which look at all that is in it,",
    is_at_once=True,
    is_right_checked=True,
    summary=_summary,
)
KINDS = (KIND,)
