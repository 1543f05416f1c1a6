"""A key vault, and the driver in the cluster that mounts its secrets."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from modelops_runtime.options.base import StrictModel
from mops_azure.fields import VaultName
from mops_azure.resources.group import group_id
from mops_azure.resources.kind import Kind, Resource, Section, section
from mops_azure.settings import Settings

VAULTS = "2026-02-01"
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"


class VaultSpec(StrictModel):
    """A key vault, and the driver in the cluster that mounts its secrets."""

    enabled: bool = False
    name: VaultName | None = Field(default=None, description="global; left out: made from the group's name")
    keep_deleted_days: int = Field(default=7, ge=7, le=90, description="a deleted vault can be had back for so long")


SECTION = Section(key="key_vault", spec=VaultSpec)


def spec(config: Settings) -> VaultSpec:
    return section(config, SECTION.key, VaultSpec)


def vault_name(config: Settings) -> str:
    return spec(config).name or config.global_name(24, separator="-")


def vault_id(config: Settings) -> str:
    return f"{group_id(config)}/providers/Microsoft.KeyVault/vaults/{vault_name(config)}"


def _vault(config: Settings) -> list[Resource]:
    properties = {
        "tenantId": config.tenant_id,
        "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": True,
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": spec(config).keep_deleted_days,
    }
    body = {"location": config.location, "tags": config.all_tags, "properties": properties}
    return [Resource(kind=KIND.name, name=vault_name(config), id=vault_id(config), api_version=VAULTS, body=body)]


def _recovered(body: dict[str, Any], refusal: str) -> dict[str, Any] | None:
    """A recently deleted vault can only be recovered, with its secrets. Azure says it in words alone: the code, ConflictError,
    has other meanings."""
    if "deleted state" not in refusal or "createMode" in body["properties"]:
        return None
    return {**body, "properties": {**body["properties"], "createMode": "recover"}}


KIND = Kind(
    name="key vault",
    type="Microsoft.KeyVault/vaults",
    api_version=VAULTS,
    section=SECTION,
    wanted=_vault,
    id_of=vault_id,
    replacing=("location", "properties.tenantId"),
    set_once=("softDeleteRetentionInDays",),
    is_billed=True,
    billed_by="use",
    name_key="key_vault.name",
    role_of_pods=("Key Vault Secrets User for pods", SECRETS_USER),
    lost_with_it="which can be had back for some days",
    recovered=_recovered,
)
KINDS = (KIND,)
