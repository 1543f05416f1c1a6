"""How to sign in to Entra, as the config's `auth` says. No request is made here."""

from __future__ import annotations

from azure.core.credentials import TokenCredential

from modelops_runtime.contracts.errors import UserError
from mops_azure.config import AzureConfig, client_secret
from mops_azure.errors import one_line

KNOWN_AUTHORITIES = ("microsoftonline.com", "microsoftonline.us", "chinacloudapi.cn")


def credential_for(config: AzureConfig) -> TokenCredential:
    """Raises UserError when what the method needs on this machine is not there."""
    from azure import identity

    auth, authority = config.auth, config.cloud.authority
    private = not authority.endswith(KNOWN_AUTHORITIES)
    if auth.method == "service_principal":
        assert auth.client_id
        return identity.ClientSecretCredential(
            config.tenant_id,
            auth.client_id,
            client_secret(auth),
            authority=authority,
            disable_instance_discovery=private,
        )
    if auth.method == "workload_identity":
        named = {"client_id": auth.client_id} if auth.client_id else {}
        try:
            return identity.WorkloadIdentityCredential(
                tenant_id=config.tenant_id, authority=authority, disable_instance_discovery=private, **named
            )
        except ValueError as error:
            raise UserError(
                f"auth: this is no pod with workload identity ({one_line(str(error))}); use another method"
            ) from None
    if auth.method == "managed_identity":
        return identity.ManagedIdentityCredential(client_id=auth.client_id)
    return identity.AzureCliCredential(tenant_id=config.tenant_id, process_timeout=60)
