"""The managed parts as Microsoft's published types and REST reference show them: nothing was recorded of them.

Names, enumerations, what is read-only and what is never shown are the types' (test_parts.py checks it).
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from tests.azure import arm_operations as operations
from tests.azure import arm_shapes as shapes
from tests.azure import settle

if TYPE_CHECKING:
    from tests.azure.arm_server import ArmServer

Answer = tuple[int, Any, dict[str, str]]
SPEEDS = {
    32: "P4",
    64: "P6",
    128: "P10",
    256: "P15",
    512: "P20",
    1024: "P30",
    2048: "P40",
    4096: "P50",
    8192: "P60",
    16384: "P70",
}
"""GB of a database's disk -> its speed at least."""
POD_PRINCIPAL = "00000000-0000-0000-0000-0000000000ee"
EGRESS = "20.0.0.7"
DELETED_VAULT = (
    "A vault with the same name already exists in deleted state. You need to either recover or purge existing key vault. "
    "Follow this link https://go.microsoft.com/fwlink/?linkid=2149745 for more information on soft delete."
)


def put_identity(azure: ArmServer, path: str, body: Any, old: Any) -> Answer:
    tenant, client = "00000000-0000-0000-0000-0000000000bb", "00000000-0000-0000-0000-0000000000ff"
    ids = {"principalId": POD_PRINCIPAL, "clientId": client, "tenantId": tenant}
    return _kept(azure, path, {**settle.without_empty(body), "properties": ids}, old)


def put_account(azure: ArmServer, path: str, body: Any, old: Any) -> Answer:
    """A new account is accepted with an empty body, and told by Location alone."""
    sent, name = settle.without_empty(body), path.split("/")[-1]
    sent["sku"]["tier"] = "Standard"
    sent["properties"] = {
        "provisioningState": "Succeeded",
        "primaryEndpoints": {"blob": f"https://{name}.blob.core.windows.net/"},
        "primaryLocation": sent["location"],
        "statusOfPrimary": "available",
        "creationTime": "2026-01-01T00:00:00.0000000Z",
        "encryption": {"keySource": "Microsoft.Storage", "services": {"blob": {"enabled": True}}},
        "networkAcls": {"bypass": "AzureServices", "defaultAction": "Allow"},
        **sent.get("properties", {}),
    }
    after = shapes.named(path, sent)
    if old:
        return _kept(azure, path, sent, old)
    during = deepcopy(after)
    during["properties"]["provisioningState"] = "ResolvingDNS"
    azure.resources[path.lower()] = during
    operations.begin(azure, path.lower(), "put", after, ticks=3)
    return 202, None, {"Location": f"{azure.url}/nowhere"}


def put_child(azure: ArmServer, path: str, body: Any, old: Any) -> Answer:
    return _kept(azure, path, settle.without_empty(body), old)


def put_vault(azure: ArmServer, path: str, body: Any, old: Any) -> Answer:
    sent = settle.without_empty(body)
    mode = sent["properties"].pop("createMode", "default")
    if path.lower() in azure.deleted_vaults and mode != "recover":
        return 409, shapes.error("ConflictError", DELETED_VAULT), {}
    days = sent["properties"].get("softDeleteRetentionInDays")
    if old and days not in (None, old["properties"].get("softDeleteRetentionInDays")):
        return (
            400,
            shapes.error("BadRequest", "softDeleteRetentionInDays has been set already and cannot be changed."),
            {},
        )
    azure.deleted_vaults.discard(path.lower())
    sent["properties"] |= {
        "vaultUri": f"https://{path.split('/')[-1]}.vault.azure.net",
        "publicNetworkAccess": "Enabled",
    }
    after = shapes.named(path, sent)
    after["properties"]["provisioningState"] = "Succeeded"
    during = deepcopy(after)
    during["properties"]["provisioningState"] = "RegisteringDns"
    azure.resources[path.lower()] = during
    operations.begin(azure, path.lower(), "put", after, ticks=2)
    return 200, during, {}


def put_workspace(azure: ArmServer, path: str, body: Any, old: Any) -> Answer:
    sent = settle.without_empty(body)
    sent["properties"]["sku"]["name"] = sent["properties"]["sku"]["name"].lower()
    sent["properties"] |= {"provisioningState": "Succeeded", "customerId": "00000000-0000-0000-0000-000000000001"}
    return _kept(azure, path, sent, old)


def put_server(azure: ArmServer, path: str, body: Any, old: Any) -> Answer:
    """Long; until it is Ready it is not to be seen at all, or is in another state (`azure.servers_hidden`)."""
    id_ = path.lower()
    if _busy(azure, id_):
        return _is_busy(path)
    if not old and "administratorLoginPassword" not in body["properties"]:
        return (
            400,
            shapes.error("InvalidParameterValue", "Invalid value given for parameter administratorLoginPassword."),
            {},
        )
    size = body["properties"]["storage"]["storageSizeGB"]
    if old and size < old["properties"]["storage"]["storageSizeGB"]:
        return 400, shapes.error("StorageSizeCannotBeReduced", "The storage size of a server cannot be reduced."), {}
    sent = settle.without_empty(body)
    properties = sent["properties"]
    properties.pop("administratorLoginPassword", None)
    own = SPEEDS[size]
    properties["storage"] = {"iops": 120, "tier": own, "type": "Premium_LRS", **properties["storage"]}
    if int(properties["storage"]["tier"][1:]) < int(own[1:]):
        return 400, shapes.error("InvalidParameterValue", f"A disk of {size} GB is at least {own}."), {}
    properties |= {
        "state": "Ready",
        "fullyQualifiedDomainName": f"{path.split('/')[-1]}.postgres.database.azure.com",
        "minorVersion": "6",
    }
    window = {"customWindow": "Disabled", "dayOfWeek": 0, "startHour": 0, "startMinute": 0}
    for key, value in {"replicationRole": "Primary", "availabilityZone": "1", "maintenanceWindow": window}.items():
        properties.setdefault(key, value)
    sent["location"] = "East US 2" if sent["location"] == "eastus2" else sent["location"]
    after = shapes.named(path, sent)
    if old or not azure.servers_hidden:
        during = deepcopy(old or after)
        during["properties"]["state"] = "Updating" if old else "Provisioning"
        azure.resources[id_] = during
    setting = f"{path}/configurations/require_secure_transport"
    if setting.lower() not in azure.resources:
        said = {"value": "on", "defaultValue": "on", "source": "system-default", "dataType": "Boolean"}
        azure.resources[setting.lower()] = shapes.named(setting, {"properties": said})
    return 202, None, operations.begin(azure, id_, "put", after, appears=True)


def put_of_server(azure: ArmServer, path: str, body: Any, old: Any) -> Answer:
    """A database, a setting, a firewall rule: long, one at a time."""
    server = "/".join(path.lower().split("/")[:9])
    if server not in azure.resources:
        return azure.missing(path)
    if _busy(azure, server):
        return _is_busy(path)
    after = shapes.named(path, settle.without_empty(body))
    return 202, None, operations.begin(azure, path.lower(), "put", after, appears=True)


def _busy(azure: ArmServer, server: str) -> bool:
    return any(one["id"].startswith(server) and not one["done"] for one in azure.operations.values())


def _is_busy(path: str) -> Answer:
    message = f"Cannot complete operation while server '{path.split('/')[8]}' is busy processing another operation."
    return 409, shapes.error("ServerIsBusy", message), {}


def _kept(azure: ArmServer, path: str, resource: Any, old: Any) -> Answer:
    azure.resources[path.lower()] = shapes.named(path, resource)
    return (200 if old else 201), azure.resources[path.lower()], {}


def address(path: str) -> Any:
    return shapes.named(path, {"properties": {"provisioningState": "Succeeded", "ipAddress": EGRESS}})


PUTS = {
    "userassignedidentities": put_identity,
    "federatedidentitycredentials": put_child,
    "storageaccounts": put_account,
    "containers": put_child,
    "vaults": put_vault,
    "workspaces": put_workspace,
    "flexibleservers": put_server,
    "databases": put_of_server,
    "configurations": put_of_server,
    "firewallrules": put_of_server,
}
