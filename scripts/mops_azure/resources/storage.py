"""A storage account with a container for bundles and outputs; reached by identity, never by a key."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from modelops_runtime.options.base import StrictModel
from mops_azure.fields import ContainerName, StorageName
from mops_azure.resources.group import group_id
from mops_azure.resources.kind import Kind, Resource, Section, section
from mops_azure.settings import Settings

STORAGE = "2026-04-01"
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"


class StorageSpec(StrictModel):
    """A storage account with a container for bundles and outputs; reached by identity, never by a key."""

    enabled: bool = False
    name: StorageName | None = Field(default=None, description="global; left out: made from the group's name")
    container: ContainerName = "modelops"
    redundancy: Literal["LRS", "ZRS", "GRS", "GZRS"] = "LRS"


SECTION = Section(key="storage", spec=StorageSpec)


def spec(config: Settings) -> StorageSpec:
    return section(config, SECTION.key, StorageSpec)


def account_name(config: Settings) -> str:
    return spec(config).name or config.global_name(24)


def account_id(config: Settings) -> str:
    return f"{group_id(config)}/providers/Microsoft.Storage/storageAccounts/{account_name(config)}"


def _account(config: Settings) -> list[Resource]:
    properties = {
        "accessTier": "Hot",
        "allowBlobPublicAccess": False,
        "allowSharedKeyAccess": False,
        "minimumTlsVersion": "TLS1_2",
        "supportsHttpsTrafficOnly": True,
    }
    body = {
        "location": config.location,
        "tags": config.all_tags,
        "kind": "StorageV2",
        "sku": {"name": f"Standard_{spec(config).redundancy}"},
        "properties": properties,
    }
    return [
        Resource(kind=ACCOUNT.name, name=account_name(config), id=account_id(config), api_version=STORAGE, body=body)
    ]


def _container(config: Settings) -> list[Resource]:
    name = spec(config).container
    return [
        Resource(
            kind=CONTAINER.name,
            name=name,
            id=f"{account_id(config)}/blobServices/default/containers/{name}",
            api_version=STORAGE,
            body={"properties": {"publicAccess": "None"}},
        )
    ]


def _summary(resource: Resource) -> list[str]:
    return [f"{resource.body['sku']['name']}, no account keys, no public blobs"]


ACCOUNT = Kind(
    name="storage account",
    type="Microsoft.Storage/storageAccounts",
    api_version=STORAGE,
    section=SECTION,
    wanted=_account,
    id_of=account_id,
    replacing=("location", "kind"),
    is_billed=True,
    billed_by="use",
    name_key="storage.name",
    role_of_pods=("Storage Blob Data Contributor for pods", BLOB_CONTRIBUTOR),
    lost_with_it="with all that is stored in it",
    summary=_summary,
)
CONTAINER = Kind(
    name="container",
    type="Microsoft.Storage/storageAccounts/blobServices/containers",
    api_version=STORAGE,
    section=SECTION,
    wanted=_container,
    is_at_once=True,
)
KINDS = (ACCOUNT, CONTAINER)
