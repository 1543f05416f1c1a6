"""Azure Database for PostgreSQL: the server, its database, TLS, and the addresses that may reach it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from modelops_runtime.contracts.errors import UserError
from modelops_runtime.options.base import Mistake, StrictModel
from mops_azure.fields import DatabaseName, ServerName, Variable, as_text, matching
from mops_azure.resources.cluster import cluster_id, outbound_ids
from mops_azure.resources.group import group_id
from mops_azure.resources.kind import Comparison, Dependent, Kind, Live, Resource, Section, section
from mops_azure.secrets import expanded, read_secret
from mops_azure.settings import Settings

POSTGRES = "2025-08-01"
ADDRESSES = "2024-05-01"

ServerSize = Annotated[
    str, matching(r"Standard_[BDE][A-Za-z0-9_]+", "write a size such as Standard_B2s or Standard_D2ds_v5")
]

DISKS = {
    32: "P4", 64: "P6", 128: "P10", 256: "P15", 512: "P20", 1024: "P30", 2048: "P40", 4096: "P50", 8192: "P60", 16384: "P70"
}  # fmt: skip
"""GB of a database's disk -> its least performance tier."""

DISK_SIZES_GB = tuple(DISKS)


class PostgresSpec(StrictModel):
    """Azure Database for PostgreSQL: the central store of `central_store: {mode: managed}`. TLS is required."""

    enabled: bool = False
    name: ServerName | None = Field(default=None, description="global; left out: made from the group's name")
    version: Annotated[Literal["15", "16", "17", "18"], BeforeValidator(as_text)] = "17"
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


SECTION = Section(key="postgres", spec=PostgresSpec, secret_files=("password_file",))


def spec(config: Settings) -> PostgresSpec:
    return section(config, SECTION.key, PostgresSpec)


def admin_password(postgres: PostgresSpec) -> str:
    """The password of the database's admin, from the named file or variable. Raises UserError if Azure would refuse it."""
    found = read_secret("postgres", "password", postgres.password_file, postgres.password_env, "the admin's password")
    kinds = [r"[a-z]", r"[A-Z]", r"[0-9]", r"[^a-zA-Z0-9]"]
    if not 8 <= len(found) <= 128 or sum(bool(re.search(kind, found)) for kind in kinds) < 3:
        raise UserError(
            "postgres: the admin's password is too simple for Azure; give 8 to 128 letters with three of lower case, "
            "upper case, digits, others"
        )
    return found


def ca_certificate(postgres: PostgresSpec) -> str | None:
    """The certificate of the database server's CA, PEM. Raises UserError if the file holds none."""
    if postgres.ca_file is None:
        return None
    path = expanded(Path(postgres.ca_file))
    text = path.read_text("utf-8", errors="replace") if os.access(path, os.R_OK) and path.is_file() else ""
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise UserError(f"postgres: ca_file {path} is no file with a certificate; give one in PEM")
    return text


def server_name(config: Settings) -> str:
    return spec(config).name or config.global_name(40, separator="-")


def server_id(config: Settings) -> str:
    return f"{group_id(config)}/providers/Microsoft.DBforPostgreSQL/flexibleServers/{server_name(config)}"


def _server(config: Settings) -> list[Resource]:
    postgres = spec(config)
    properties = {
        "version": postgres.version,
        "administratorLogin": postgres.admin,
        "storage": {"storageSizeGB": postgres.storage_gb, "autoGrow": "Enabled"},
        "backup": {"backupRetentionDays": postgres.backup_days, "geoRedundantBackup": "Disabled"},
        "highAvailability": {"mode": "Disabled"},
        "authConfig": {"activeDirectoryAuth": "Disabled", "passwordAuth": "Enabled"},
        "network": {"publicNetworkAccess": "Enabled"},
    }
    body = {
        "location": config.location,
        "tags": config.all_tags,
        "sku": {"name": postgres.vm_size, "tier": postgres.tier},
        "properties": properties,
    }
    return [Resource(kind=SERVER.name, name=server_name(config), id=server_id(config), api_version=POSTGRES, body=body)]


def _with_password(body: dict[str, Any], password: str) -> dict[str, Any]:
    return {**body, "properties": {**body["properties"], "administratorLoginPassword": password}}


def _password(config: Settings) -> str:
    return admin_password(spec(config))


def _database(config: Settings) -> list[Resource]:
    name = spec(config).database
    return [
        Resource(
            kind=DATABASE.name,
            name=name,
            id=f"{server_id(config)}/databases/{name}",
            api_version=POSTGRES,
            body={"properties": {"charset": "UTF8", "collation": "en_US.utf8"}},
        )
    ]


def _only_tls(config: Settings) -> list[Resource]:
    return [
        Resource(
            kind=SETTING.name,
            name="require_secure_transport",
            id=f"{server_id(config)}/configurations/require_secure_transport",
            api_version=POSTGRES,
            body={"properties": {"value": "on", "source": "user-override"}},
        )
    ]


def firewall_rules(config: Settings, addresses: list[str]) -> list[Resource]:
    """Only the cluster's addresses may reach the database."""
    return [
        Resource(
            kind=RULE.name,
            name=f"cluster-{at}",
            id=f"{server_id(config)}/firewallRules/cluster-{at}",
            api_version=POSTGRES,
            body={"properties": {"startIpAddress": address, "endIpAddress": address}},
        )
        for at, address in enumerate(addresses)
    ]


def _addresses(cluster: Any, live: Live) -> list[str]:
    found = [((live.get(id_.lower()) or {}).get("properties") or {}).get("ipAddress") for id_ in outbound_ids(cluster)]
    return sorted(one for one in found if one)


def _rules(config: Settings, live: Live, _kinds: tuple[Kind, ...]) -> list[Dependent]:
    addresses = _addresses(live.get(cluster_id(config).lower()), live)
    waits = "" if addresses else "once the cluster has its address"
    return [(one, waits) for one in firewall_rules(config, addresses or ["0.0.0.0"])]


def _rules_path(config: Settings) -> str:
    return f"{server_id(config)}/firewallRules"


def _read_addresses(config: Settings, live: Live) -> list[tuple[str, str]]:
    return [(id_, "reading the cluster's address") for id_ in outbound_ids(live.get(cluster_id(config).lower()))]


def _kept(body: dict[str, Any], _asked: Mapping[str, Any], live: Mapping[str, Any]) -> None:
    _fit_disk(body["properties"].get("storage"), (live.get("properties") or {}).get("storage"))


def _fit_disk(asked: dict[str, Any] | None, live: Mapping[str, Any] | None) -> None:
    """Keep the size of a disk that has grown, since it cannot shrink, with at least the tier of that size."""
    if not asked or not live:
        return
    had = live.get("storageSizeGB") or 0
    size = asked["storageSizeGB"] = max(had, asked.get("storageSizeGB") or 0)
    speeds, own = list(DISKS.values()), DISKS.get(size)
    if own and asked.get("tier") in speeds and speeds.index(asked["tier"]) < speeds.index(own):
        del asked["tier"]
    if size > had and str(asked.get("type", "Premium_LRS")).lower() == "premium_lrs":
        asked.pop("iops", None)  # it follows from the rest


def _summary(resource: Resource) -> list[str]:
    body, properties = resource.body, resource.body["properties"]
    size = properties["storage"]["storageSizeGB"]
    return [f"PostgreSQL {properties['version']}, {body['sku']['name']}, {size} GB that grow, TLS required"]


BUSY_FOR_S = 1800
"""Seconds, since a database server runs one operation at a time, and its creation is one."""

SERVER = Kind(
    name="database server",
    type="Microsoft.DBforPostgreSQL/flexibleServers",
    api_version=POSTGRES,
    section=SECTION,
    wanted=_server,
    secret=_password,
    with_secret=_with_password,
    replacing=("location", "properties.administratorLogin"),
    comparison=Comparison(never_returned=("administratorLoginPassword",), grows={"storageSizeGB": "autoGrow"}),
    kept=_kept,
    is_billed=True,
    billed_by="size",
    name_key="postgres.name",
    states={"ready": "Succeeded", "stopped": "Succeeded", "disabled": "Failed", "dropping": "Deleting"},
    patience_s=BUSY_FOR_S,
    lost_with_it="with all databases in it",
    summary=_summary,
)
DATABASE = Kind(
    name="database",
    type="Microsoft.DBforPostgreSQL/flexibleServers/databases",
    api_version=POSTGRES,
    section=SECTION,
    wanted=_database,
    replacing=("properties.charset", "properties.collation"),
    patience_s=BUSY_FOR_S,
)
SETTING = Kind(
    name="database setting",
    type="Microsoft.DBforPostgreSQL/flexibleServers/configurations",
    api_version=POSTGRES,
    section=SECTION,
    wanted=_only_tls,
    comparison=Comparison(not_compared_beside={"source": "value"}),  # who set it, not what it is
    patience_s=BUSY_FOR_S,
)
RULE = Kind(
    name="firewall rule",
    type="Microsoft.DBforPostgreSQL/flexibleServers/firewallRules",
    api_version=POSTGRES,
    section=SECTION,
    dependents=_rules,
    listed_at=_rules_path,
    is_listing_late=True,
    patience_s=BUSY_FOR_S,
)
ADDRESS = Kind(
    name="public address",
    type="Microsoft.Network/publicIPAddresses",
    api_version=ADDRESSES,
    section=SECTION,
    also_read=_read_addresses,
    is_sent=False,
)
KINDS = (SERVER, DATABASE, SETTING, RULE, ADDRESS)
