"""A Log Analytics workspace, and what the monitoring of a cluster creates beside it."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field

from modelops_runtime.options.base import StrictModel
from mops_azure.fields import matching
from mops_azure.resources import cluster
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


MONITORING = {
    "microsoft.insights/datacollectionrules": ("MSCI-{}-", 64),
    "microsoft.insights/datacollectionendpoints": ("MSCI-(?:ingest|config)-{}-", 43),
}
"""Type in lower case -> (prefix, longest name) of what `az aks enable-addons -a monitoring` creates beside the cluster. {} stands
for the region; the cluster's name follows the prefix (azure-cli, azuremonitor/containerinsights)."""


def is_of_monitoring(config: Settings, one: Any) -> bool:
    """Whether the monitoring add-on of the config's cluster created it. Pure."""
    kind, name = str(one.get("type", "")).lower(), str(one.get("name", ""))
    if kind == "microsoft.operationsmanagement/solutions":  # of older releases of az
        return name.lower() == f"containerinsights({spec(config).name})".lower()
    head, longest = MONITORING.get(kind, ("", 0))
    found = re.match(head.format("[a-z0-9]+"), name, re.IGNORECASE) if head else None
    return (
        found is not None and name.lower() == f"{found[0]}{cluster.spec(config).name}"[:longest].rstrip("-_.").lower()
    )


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
