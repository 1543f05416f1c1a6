"""A Log Analytics workspace."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from modelops_runtime.options.base import StrictModel
from mops_azure.fields import matching
from mops_azure.resources.group import group_id
from mops_azure.resources.kind import Kind, Resource, Section, section
from mops_azure.settings import Settings

WORKSPACES = "2025-07-01"

WorkspaceName = Annotated[
    str, matching(r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]", "write 4 to 63 letters, digits and -")
]


class LogsSpec(StrictModel):
    """A Log Analytics workspace."""

    enabled: bool = False
    name: WorkspaceName = "modelops"
    retention_days: int = Field(default=30, ge=30, le=730)


SECTION = Section(key="logs", spec=LogsSpec)


def spec(config: Settings) -> LogsSpec:
    return section(config, SECTION.key, LogsSpec)


def workspace_id(config: Settings) -> str:
    return f"{group_id(config)}/providers/Microsoft.OperationalInsights/workspaces/{spec(config).name}"


def _workspace(config: Settings) -> list[Resource]:
    properties = {"sku": {"name": "PerGB2018"}, "retentionInDays": spec(config).retention_days}
    body = {"location": config.location, "tags": config.all_tags, "properties": properties}
    return [
        Resource(kind=KIND.name, name=spec(config).name, id=workspace_id(config), api_version=WORKSPACES, body=body)
    ]


KIND = Kind(
    name="log workspace",
    type="Microsoft.OperationalInsights/workspaces",
    api_version=WORKSPACES,
    section=SECTION,
    wanted=_workspace,
    replacing=("location",),
    is_billed=True,
    billed_by="use",
)
KINDS = (KIND,)
