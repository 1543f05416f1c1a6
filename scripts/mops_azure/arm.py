"""Azure Resource Manager over the SDK's own pipeline: sign-in, retries and TLS are azure-core's; bodies are plain JSON."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from azure.core import PipelineClient
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError as SdkError
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline import policies
from azure.core.rest import HttpRequest
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy, ARMHttpLoggingPolicy

from modelops_runtime.contracts.errors import ModelOpsError, UserError
from mops_azure.config import AzureConfig, client_secret
from mops_azure.errors import AzureError, from_reply, one_line

logging.getLogger("azure").addHandler(logging.NullHandler())  # its warnings are in our one line already

FIRST_PAUSE_S = 0.8
"""Seconds of the first pause after a failed try; it doubles."""


class SignInFailed(UserError):
    """No token could be had; the text says what to do."""


class Unreachable(ModelOpsError):
    """No answer from Azure."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer below 400, or a 404 or 409 that the caller asked for."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def operation_url(self) -> str | None:
        """Where the operation's status is told, with the signed query that must be sent back whole."""
        return self.headers.get("azure-asyncoperation")

    @property
    def retry_after_s(self) -> float | None:
        value = self.headers.get("retry-after", "")
        return float(value) if value.replace(".", "", 1).isdigit() else None


def credential_for(config: AzureConfig) -> TokenCredential:
    """As `auth` says. No request is made yet."""
    from azure import identity

    auth, authority = config.auth, config.cloud.authority
    private = not any(
        authority.endswith(known) for known in ("microsoftonline.com", "microsoftonline.us", "chinacloudapi.cn")
    )
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


class Arm:
    """One subscription's Resource Manager."""

    def __init__(self, config: AzureConfig, *, credential: TokenCredential | None = None) -> None:
        self._tenant = config.tenant_id
        base = config.cloud.resource_manager
        scope = f"{base}/.default"
        self._client: PipelineClient[Any, Any] = PipelineClient(
            base_url=base,
            policies=[
                policies.RequestIdPolicy(),
                policies.UserAgentPolicy(base_user_agent="modelops"),
                policies.ProxyPolicy(),
                policies.RedirectPolicy(),
                policies.RetryPolicy(retry_backoff_max=30),
                ARMChallengeAuthenticationPolicy(credential or credential_for(config), scope),
                ARMHttpLoggingPolicy(),
            ],
        )

    def get(self, path: str, api_version: str, doing: str) -> Any | None:
        """The resource, or None when it is not there."""
        reply = self.send("GET", path, api_version, doing, accept=(404,))
        return None if reply.status == 404 else reply.body

    def list(self, path: str, api_version: str, doing: str) -> Iterator[Any]:
        """All items, page by page."""
        url: str | None = path
        version: str | None = api_version
        while url:
            page = self.send("GET", url, version, doing).body or {}
            yield from page.get("value", [])
            url, version = page.get("nextLink"), None

    def send(
        self,
        method: str,
        path: str,
        api_version: str | None,
        doing: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (),
    ) -> Reply:
        """`path` may be a whole address (an operation's). Raises
        AzureError for a status of 400 or more that is not in `accept`, SignInFailed, Unreachable."""
        url = path if path.startswith("https://") else self._client.format_url(path)
        if api_version:
            url += ("&" if "?" in url else "?") + f"api-version={api_version}"
        request = HttpRequest(method, url, json=body, headers=dict(headers or {}))
        try:
            response = self._client.send_request(request)
        except ClientAuthenticationError as error:
            raise SignInFailed(self._sign_in_line(error)) from error
        except SdkError as error:
            raise Unreachable(
                f"{doing}: no answer from Azure ({one_line(str(error))}); check the network, then run the same command again"
            ) from error
        content = _json(response)
        if response.status_code >= 400 and response.status_code not in accept:
            raise from_reply(doing, response.status_code, content)
        found = {key.lower(): value for key, value in response.headers.items()}
        return Reply(status=response.status_code, body=content, headers=found)

    def _sign_in_line(self, error: ClientAuthenticationError) -> str:
        said = one_line(str(error), 200)
        if "not found on path" in said.lower():
            return "sign-in: the Azure CLI `az` is not installed; install it, or use another auth method"
        return f"sign-in: {said}; `az login --tenant {self._tenant}`, or check auth in the provider config"


def _json(response: Any) -> Any:
    try:
        return response.json() if response.content else None
    except ValueError:
        return None


def with_patience(
    call: Callable[[], Reply], codes: tuple[str, ...], *, for_s: float, sleep: Callable[[float], None] = time.sleep
) -> Reply:
    """Try again while Azure answers one of `codes`, for `for_s` seconds, with growing pauses."""
    pause, left = FIRST_PAUSE_S, for_s
    while True:
        try:
            return call()
        except AzureError as error:
            if error.code not in codes or left <= 0:
                raise
        sleep(pause)
        left -= pause
        pause = min(pause * 2, 20)
