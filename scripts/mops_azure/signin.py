"""How to sign in to Entra, as the config's `auth` says. No request is made here."""

from __future__ import annotations

import ipaddress
import shutil
from urllib.parse import urlsplit

from azure.core.credentials import TokenCredential

from modelops_runtime.contracts.errors import UserError
from mops_azure.config import AzureConfig, client_secret
from mops_azure.errors import one_line

KNOWN_HOSTS = {
    "authority": (
        "login.microsoftonline.com", "login.windows.net", "sts.windows.net", "login.microsoftonline.us",
        "login.chinacloudapi.cn", "login.partner.microsoftonline.cn", "login.microsoftonline.de",
    ),
    "resource_manager": (
        "management.azure.com", "management.usgovcloudapi.net", "management.chinacloudapi.cn", "management.microsoftazure.de",
    ),
}  # fmt: skip
"""Key of `cloud` -> the hosts of Microsoft's clouds."""
TRUSTED_VARIABLE = "MOPS_AZURE_TRUSTED_HOSTS"
SENT = {
    "service_principal": "the service principal's secret",
    "workload_identity": "the pod's token",
    "managed_identity": "the machine's token",
    "use_azure_cli": "the token of `az`",
}
"""Sign-in method -> what is sent there."""


def host_of(url: str) -> str:
    return (urlsplit(url).hostname or url).rstrip(".").lower()


def unknown_hosts(config: AzureConfig, trusted: str) -> dict[str, str]:
    """Key of `cloud` -> its host, where that is of none of the known clouds, is not this machine, and not `trusted`
    (with commas between). Pure."""
    allowed = {one.strip().rstrip(".").lower() for one in trusted.split(",")}
    found = {key: host_of(getattr(config.cloud, key)) for key in KNOWN_HOSTS}
    return {
        key: host
        for key, host in found.items()
        if host not in KNOWN_HOSTS[key] and host not in allowed and not _is_this_machine(host)
    }


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def credential_for(config: AzureConfig) -> TokenCredential:
    """Raises UserError if something that the method needs is missing on this machine."""
    from azure import identity

    auth, authority = config.auth, config.cloud.authority
    private = host_of(authority) not in KNOWN_HOSTS["authority"]
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


def failed_sign_in_line(config: AzureConfig, refusal: str) -> str:
    """What failed and what to do, from the text with which the sign-in was refused."""
    method = config.auth.method
    if method == "use_azure_cli" and shutil.which("az") is None:
        return "sign-in: the Azure CLI `az` is not installed; install it, or use another auth method"
    remedy = f"`az login --tenant {config.tenant_id}`, or check auth in the provider config"
    if method == "service_principal":
        remedy = "check auth in the provider config, and that the secret is right and has not expired"
    return f"sign-in: {one_line(refusal, 200)}; {remedy}"
