"""An identity for pods, with the service accounts that act as it. What it may use, it uses without keys."""

from __future__ import annotations

import hashlib
from typing import Annotated

from pydantic import Field

from modelops_runtime.options.base import StrictModel
from mops_azure.fields import ServiceAccount, matching
from mops_azure.resources import role
from mops_azure.resources.cluster import cluster_id, issuer_of
from mops_azure.resources.group import group_id
from mops_azure.resources.kind import Dependent, Kind, Live, Resource, Section, is_on, section
from mops_azure.settings import Settings

IDENTITIES = "2024-11-30"

IdentityName = Annotated[str, matching(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,127}", "write 3 to 128 letters, digits, - and _")]


class IdentitySpec(StrictModel):
    """An identity for pods: it may use the storage account, the registry and the key vault of this config, without keys."""

    enabled: bool = False
    name: IdentityName = "modelops"
    service_accounts: list[ServiceAccount] = Field(
        default_factory=list, max_length=20, description="NAMESPACE:NAME of those who act as it"
    )


SECTION = Section(key="identity", spec=IdentitySpec)


def spec(config: Settings) -> IdentitySpec:
    return section(config, SECTION.key, IdentitySpec)


def identity_id(config: Settings) -> str:
    return f"{group_id(config)}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{spec(config).name}"


def _identity(config: Settings) -> list[Resource]:
    return [
        Resource(
            kind=IDENTITY.name,
            name=spec(config).name,
            id=identity_id(config),
            api_version=IDENTITIES,
            body={"location": config.location, "tags": config.all_tags},
        )
    ]


def credentials(config: Settings, issuer: str) -> list[Resource]:
    """One federated credential for each service account; `issuer` is the cluster's."""
    return [
        Resource(
            kind=CREDENTIAL.name,
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
        for account in spec(config).service_accounts
    ]


def _credential_name(account: str) -> str:
    digest = hashlib.blake2b(account.encode(), digest_size=4).hexdigest()
    return f"{''.join(letter if letter.isalnum() else '-' for letter in account)[:100]}-{digest}"


def pods_principal(config: Settings, live: Live) -> str | None:
    return ((live.get(identity_id(config).lower()) or {}).get("properties") or {}).get("principalId")


def _roles(config: Settings, principal_id: str, kinds: tuple[Kind, ...]) -> list[Resource]:
    """The rights of the pods' identity: for each enabled kind, the role that the kind names."""
    found: list[Resource] = []
    for kind in kinds:
        if kind.role_of_pods and kind.id_of and is_on(kind, config):
            name, role_id = kind.role_of_pods
            found.append(role.right(name=name, scope=kind.id_of(config), role=role_id, principal_id=principal_id))
    return found


def _dependents(config: Settings, live: Live, kinds: tuple[Kind, ...]) -> list[Dependent]:
    principal, issuer = pods_principal(config, live), issuer_of(live.get(cluster_id(config).lower()))
    waits = "" if principal else "once the identity is there"
    found = [(one, waits) for one in _roles(config, principal or "", kinds)]
    waits = "" if principal and issuer else "once the cluster has its issuer"
    return [*found, *((one, waits) for one in credentials(config, issuer or ""))]


def _credentials_path(config: Settings) -> str:
    return f"{identity_id(config)}/federatedIdentityCredentials"


IDENTITY = Kind(
    name="identity",
    type="Microsoft.ManagedIdentity/userAssignedIdentities",
    api_version=IDENTITIES,
    section=SECTION,
    wanted=_identity,
    dependents=_dependents,
    replacing=("location",),
    is_at_once=True,
)
CREDENTIAL = Kind(
    name="federated credential",
    type="Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
    api_version=IDENTITIES,
    section=SECTION,
    listed_at=_credentials_path,
    is_at_once=True,
)
KINDS = (IDENTITY, CREDENTIAL)
