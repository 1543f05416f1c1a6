"""Makes scripts/mops_azure/read_only.json from Azure's published types: `python -m tests.azure.read_only`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mops_azure import desired, parts
from tests.azure import armtypes

TABLE = Path(__file__).parents[2] / "scripts" / "mops_azure" / "read_only.json"
KINDS = {
    "resource group": ("Microsoft.Resources/resourceGroups", desired.GROUPS),
    "cluster": ("Microsoft.ContainerService/managedClusters", desired.CLUSTERS),
    "pool": ("Microsoft.ContainerService/managedClusters/agentPools", desired.CLUSTERS),
    "registry": ("Microsoft.ContainerRegistry/registries", desired.REGISTRIES),
    "lock": ("Microsoft.Authorization/locks", desired.LOCKS),
    "role assignment": ("Microsoft.Authorization/roleAssignments", desired.ASSIGNMENTS),
    "identity": ("Microsoft.ManagedIdentity/userAssignedIdentities", parts.IDENTITIES),
    "federated credential": (
        "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
        parts.IDENTITIES,
    ),
    "storage account": ("Microsoft.Storage/storageAccounts", parts.STORAGE),
    "container": ("Microsoft.Storage/storageAccounts/blobServices/containers", parts.STORAGE),
    "key vault": ("Microsoft.KeyVault/vaults", parts.VAULTS),
    "log workspace": ("Microsoft.OperationalInsights/workspaces", parts.WORKSPACES),
    "database server": ("Microsoft.DBforPostgreSQL/flexibleServers", parts.POSTGRES),
    "database": ("Microsoft.DBforPostgreSQL/flexibleServers/databases", parts.POSTGRES),
    "database setting": ("Microsoft.DBforPostgreSQL/flexibleServers/configurations", parts.POSTGRES),
    "firewall rule": ("Microsoft.DBforPostgreSQL/flexibleServers/firewallRules", parts.POSTGRES),
}
"""What the product sends -> its published type and version."""


def table() -> dict[str, Any]:
    notice = (armtypes.FOLDER / "NOTICE.md").read_text().split("\n\n")
    return {
        "notice": ["Paths of what Azure alone writes, taken from:", *(" ".join(one.split()) for one in notice)],
        "kinds": {
            kind: {"type": type_, "api_version": version, "paths": armtypes.read_only_paths(type_, version)}
            for kind, (type_, version) in KINDS.items()
        },
    }


if __name__ == "__main__":
    TABLE.write_text(json.dumps(table(), indent=2) + "\n")
