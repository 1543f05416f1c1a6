"""The registry of images and bundles. It may be shared, and outlives clusters."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field

from modelops_runtime.options.base import StrictModel
from mops_azure.fields import GroupName, RegistryName
from mops_azure.pricing import CostItem, Meters, PriceTable, constant
from mops_azure.resources.group import group_id
from mops_azure.resources.kind import Kind, Live, Resource, Section, section
from mops_azure.resources.role import ACR_PULL
from mops_azure.settings import Settings

REGISTRIES = "2025-11-01"
"""Microsoft.ContainerRegistry."""

UNITS = {"Basic": "Basic Registry Unit", "Standard": "Standard Registry Unit", "Premium": "Premium Registry Unit"}
"""Sku -> the meter of its price."""


class AcrSpec(StrictModel):
    """The registry of images and bundles. It may be shared, and outlives clusters."""

    enabled: bool = False
    name: RegistryName | None = Field(default=None, description="global; left out: made from the group's name")
    sku: Literal["Basic", "Standard", "Premium"] = "Basic"
    resource_group: GroupName | None = Field(
        default=None, description="exact name of the group it is in; left out: one of its own, <group>-registry"
    )


SECTION = Section(key="acr", spec=AcrSpec)


def spec(config: Settings) -> AcrSpec:
    return section(config, SECTION.key, AcrSpec)


def group_name(config: Settings) -> str:
    """A separate group, so that the registry outlives clusters."""
    return spec(config).resource_group or f"{config.group_name}-registry"


def registry_name(config: Settings) -> str:
    return spec(config).name or re.sub(r"[^a-z0-9]", "", config.group_name.lower())[:40].ljust(5, "0") + config.digest


def registry_id(config: Settings) -> str:
    group = group_id(config, group_name(config))
    return f"{group}/providers/Microsoft.ContainerRegistry/registries/{registry_name(config)}"


def registry(config: Settings) -> Resource:
    body = {
        "location": config.location,
        "tags": config.all_tags,
        "sku": {"name": spec(config).sku},
        "properties": {"adminUserEnabled": False, "roleAssignmentMode": "LegacyRegistryPermissions"},
    }
    return Resource(
        kind=KIND.name, name=registry_name(config), id=registry_id(config), api_version=REGISTRIES, body=body
    )


def _cost(config: Settings, table: PriceTable, live: Live) -> list[CostItem]:
    sku = spec(config).sku
    return [constant(f"registry ({sku})", table.meters.get(UNITS[sku]))]


KIND = Kind(
    name="registry",
    type="Microsoft.ContainerRegistry/registries",
    api_version=REGISTRIES,
    section=SECTION,
    apart=lambda config: [registry(config)],
    id_of=registry_id,
    replacing=("location",),
    deleted_by="`mops-azure registry delete`",
    is_billed=True,
    role_of_pods=("AcrPull for pods", ACR_PULL),
    cost=_cost,
    meters=(Meters(service="Container Registry", names=tuple(UNITS.values())),),
)
KINDS = (KIND,)
