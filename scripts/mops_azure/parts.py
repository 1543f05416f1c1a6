"""The managed parts beside the cluster as they should be: database, storage, identity, key vault, logs. Pure."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from mops_azure.config import AzureConfig
from mops_azure.desired import ACR_PULL, ASSIGNMENTS, Resource, group_id, registry_id

POSTGRES = "2025-08-01"
STORAGE = "2026-04-01"
IDENTITIES = "2024-11-30"
VAULTS = "2026-02-01"
WORKSPACES = "2025-07-01"
ADDRESSES = "2024-05-01"

BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"


def server_id(config: AzureConfig) -> str:
    return f"{group_id(config)}/providers/Microsoft.DBforPostgreSQL/flexibleServers/{config.postgres_name}"


def account_id(config: AzureConfig) -> str:
    return f"{group_id(config)}/providers/Microsoft.Storage/storageAccounts/{config.storage_name}"


def identity_id(config: AzureConfig) -> str:
    return f"{group_id(config)}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{config.identity.name}"


def vault_id(config: AzureConfig) -> str:
    return f"{group_id(config)}/providers/Microsoft.KeyVault/vaults/{config.vault_name}"


def workspace_id(config: AzureConfig) -> str:
    return f"{group_id(config)}/providers/Microsoft.OperationalInsights/workspaces/{config.logs.name}"


def parts(config: AzureConfig, *, password: str | None = None) -> list[Resource]:
    """What needs nothing but the group, in the order in which it is made. `password` is a new database's admin's."""
    found: list[Resource] = []
    if config.identity.enabled:
        found.append(_identity(config))
    if config.storage.enabled:
        found += [_account(config), _container(config)]
    if config.key_vault.enabled:
        found.append(_vault(config))
    if config.logs.enabled:
        found.append(_workspace(config))
    if config.postgres.enabled:
        found += [_server(config, password), _database(config), _only_tls(config)]
    return found


def _identity(config: AzureConfig) -> Resource:
    return Resource(
        kind="identity",
        name=config.identity.name,
        id=identity_id(config),
        api_version=IDENTITIES,
        body={"location": config.location, "tags": config.all_tags},
    )


def _account(config: AzureConfig) -> Resource:
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
        "sku": {"name": f"Standard_{config.storage.redundancy}"},
        "properties": properties,
    }
    return Resource(
        kind="storage account", name=config.storage_name, id=account_id(config), api_version=STORAGE, body=body
    )


def _container(config: AzureConfig) -> Resource:
    return Resource(
        kind="container",
        name=config.storage.container,
        id=f"{account_id(config)}/blobServices/default/containers/{config.storage.container}",
        api_version=STORAGE,
        body={"properties": {"publicAccess": "None"}},
    )


def _vault(config: AzureConfig) -> Resource:
    properties = {
        "tenantId": config.tenant_id,
        "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": True,
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": config.key_vault.keep_deleted_days,
    }
    body = {"location": config.location, "tags": config.all_tags, "properties": properties}
    return Resource(kind="key vault", name=config.vault_name, id=vault_id(config), api_version=VAULTS, body=body)


def _workspace(config: AzureConfig) -> Resource:
    properties = {"sku": {"name": "PerGB2018"}, "retentionInDays": config.logs.retention_days}
    body = {"location": config.location, "tags": config.all_tags, "properties": properties}
    return Resource(
        kind="log workspace", name=config.logs.name, id=workspace_id(config), api_version=WORKSPACES, body=body
    )


def _server(config: AzureConfig, password: str | None) -> Resource:
    spec = config.postgres
    properties: dict[str, Any] = {
        "version": spec.version,
        "administratorLogin": spec.admin,
        "storage": {"storageSizeGB": spec.storage_gb, "autoGrow": "Enabled"},
        "backup": {"backupRetentionDays": spec.backup_days, "geoRedundantBackup": "Disabled"},
        "highAvailability": {"mode": "Disabled"},
        "authConfig": {"activeDirectoryAuth": "Disabled", "passwordAuth": "Enabled"},
        "network": {"publicNetworkAccess": "Enabled"},
    }
    if password:
        properties["administratorLoginPassword"] = password
    body = {
        "location": config.location,
        "tags": config.all_tags,
        "sku": {"name": spec.vm_size, "tier": spec.tier},
        "properties": properties,
    }
    return Resource(
        kind="database server", name=config.postgres_name, id=server_id(config), api_version=POSTGRES, body=body
    )


def _database(config: AzureConfig) -> Resource:
    return Resource(
        kind="database",
        name=config.postgres.database,
        id=f"{server_id(config)}/databases/{config.postgres.database}",
        api_version=POSTGRES,
        body={"properties": {"charset": "UTF8", "collation": "en_US.utf8"}},
    )


def _only_tls(config: AzureConfig) -> Resource:
    return Resource(
        kind="database setting",
        name="require_secure_transport",
        id=f"{server_id(config)}/configurations/require_secure_transport",
        api_version=POSTGRES,
        body={"properties": {"value": "on", "source": "user-override"}},
    )


def firewall_rules(config: AzureConfig, addresses: list[str]) -> list[Resource]:
    """The cluster's own addresses, and no others, may reach the database."""
    return [
        Resource(
            kind="firewall rule",
            name=f"cluster-{at}",
            id=f"{server_id(config)}/firewallRules/cluster-{at}",
            api_version=POSTGRES,
            body={"properties": {"startIpAddress": address, "endIpAddress": address}},
        )
        for at, address in enumerate(addresses)
    ]


def credentials(config: AzureConfig, issuer: str) -> list[Resource]:
    """One federated credential for each service account; `issuer` is the cluster's."""
    return [
        Resource(
            kind="federated credential",
            name=account,
            id=f"{identity_id(config)}/federatedIdentityCredentials/{_credential_name(account)}",
            api_version=IDENTITIES,
            body={
                "properties": {
                    "issuer": issuer,
                    "subject": f"system:serviceaccount:{account}",
                    "audiences": ["api://AzureADTokenExchange"],
                }
            },
        )
        for account in config.identity.service_accounts
    ]


def child_lists(config: AzureConfig) -> list[tuple[str, str, str]]:
    """Kinds that are read as whole lists, for one that is there unasked lets somebody in: kind, path of the list, API version."""
    return [
        ("firewall rule", f"{server_id(config)}/firewallRules", POSTGRES),
        ("federated credential", f"{identity_id(config)}/federatedIdentityCredentials", IDENTITIES),
    ]


def _credential_name(account: str) -> str:
    digest = hashlib.blake2b(account.encode(), digest_size=4).hexdigest()
    return f"{''.join(letter if letter.isalnum() else '-' for letter in account)[:100]}-{digest}"


def right(*, name: str, scope: str, role: str, principal_id: str) -> Resource:
    """A role on one resource. The assignment's id is made from what it says, so a second run finds it."""
    subscription = "/".join(scope.split("/")[:3])  # a subnet's may be another than the config's
    role_id = f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    made = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scope}|{role}|{principal_id}".lower()))
    said = {"roleDefinitionId": role_id, "principalId": principal_id, "principalType": "ServicePrincipal"}
    return Resource(
        kind="role assignment",
        name=name,
        id=f"{scope}/providers/Microsoft.Authorization/roleAssignments/{made}",
        api_version=ASSIGNMENTS,
        body={"properties": said},
    )


def scope_of(id_: str) -> str:
    """What a role assignment of this id is given on."""
    return id_.partition("/providers/Microsoft.Authorization/")[0]


def pods_rights(config: AzureConfig, principal_id: str) -> list[Resource]:
    """What the pods' identity may do."""
    wanted = []
    if config.storage.enabled:
        wanted.append(("Storage Blob Data Contributor for pods", account_id(config), BLOB_CONTRIBUTOR))
    if config.acr.enabled:
        wanted.append(("AcrPull for pods", registry_id(config), ACR_PULL))
    if config.key_vault.enabled:
        wanted.append(("Key Vault Secrets User for pods", vault_id(config), SECRETS_USER))
    return [right(name=name, scope=scope, role=role, principal_id=principal_id) for name, scope, role in wanted]
