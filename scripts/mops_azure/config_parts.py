"""Managed parts beside the cluster: each optional, off by default."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from modelops_runtime.options.base import Mistake, StrictModel
from mops_azure.fields import (
    ContainerName,
    DatabaseName,
    ServerName,
    ServiceAccount,
    StorageName,
    Variable,
    VaultName,
    matching,
)

ServerSize = Annotated[
    str, matching(r"Standard_[BDE][A-Za-z0-9_]+", "write a size such as Standard_B2s or Standard_D2ds_v5")
]
IdentityName = Annotated[str, matching(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,127}", "write 3 to 128 letters, digits, - and _")]
WorkspaceName = Annotated[
    str, matching(r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]", "write 4 to 63 letters, digits and -")
]
DISK_SIZES_GB = (32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)


class PostgresSpec(StrictModel):
    """Azure Database for PostgreSQL: the central store of `central_store: {mode: managed}`. TLS is required."""

    enabled: bool = False
    name: ServerName | None = Field(default=None, description="global; left out: made from the group's name")
    version: Literal["15", "16", "17", "18"] = "17"
    vm_size: ServerSize = Field(default="Standard_B2s", description="Standard_B*: burstable, _D*: general, _E*: memory")
    storage_gb: int = Field(default=32, description="GB; grows by itself, never shrinks")
    backup_days: int = Field(default=7, ge=7, le=35)
    database: DatabaseName = "modelops"
    admin: DatabaseName = "modelops_admin"
    password_env: Variable = Field(default="MODELOPS_POSTGRES_PASSWORD", description="names the admin's password")
    password_file: str | None = Field(default=None, description="a file of mode 0600 that holds it instead")
    ca_file: str | None = Field(
        default=None, description="a PEM file: the CA of the server's certificate, where that is no public one"
    )

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        size, admin = given.get("storage_gb", 32), given.get("admin", "")
        found = []
        if type(size) is int and size not in DISK_SIZES_GB:
            sizes = ", ".join(map(str, DISK_SIZES_GB))
            found.append(Mistake(("storage_gb",), f"{size} GB is no size of a disk there", f"write one of {sizes}"))
        if isinstance(admin, str) and re.fullmatch(
            r"azure_superuser|azuresu|admin|administrator|root|guest|public|pg_.*", admin
        ):
            found.append(Mistake(("admin",), f"Azure keeps the name {admin} for itself", "write another"))
        return found

    @property
    def tier(self) -> str:
        return {"B": "Burstable", "D": "GeneralPurpose", "E": "MemoryOptimized"}[self.vm_size[len("Standard_")]]


class StorageSpec(StrictModel):
    """A storage account with a container for bundles and outputs; reached by identity, never by a key."""

    enabled: bool = False
    name: StorageName | None = Field(default=None, description="global; left out: made from the group's name")
    container: ContainerName = "modelops"
    redundancy: Literal["LRS", "ZRS", "GRS", "GZRS"] = "LRS"


class IdentitySpec(StrictModel):
    """An identity for pods: it may use the storage account, the registry and the key vault of this config, without keys."""

    enabled: bool = False
    name: IdentityName = "modelops"
    service_accounts: list[ServiceAccount] = Field(
        default_factory=list, max_length=20, description="NAMESPACE:NAME of those who act as it"
    )


class VaultSpec(StrictModel):
    """A key vault, and the driver in the cluster that mounts its secrets."""

    enabled: bool = False
    name: VaultName | None = Field(default=None, description="global; left out: made from the group's name")
    keep_deleted_days: int = Field(default=7, ge=7, le=90, description="a deleted vault can be had back for so long")


class LogsSpec(StrictModel):
    """A Log Analytics workspace."""

    enabled: bool = False
    name: Annotated[
        str, matching(r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]", "write 4 to 63 letters, digits and -")
    ] = "modelops"
    retention_days: int = Field(default=30, ge=30, le=730)
