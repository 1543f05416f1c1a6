"""Azure Resource Manager. Bodies are ARM's JSON both ways, so that comparisons use what Azure returned.

Resources of every type are addressed by id through azure-mgmt-core's pipeline, which signs, retries and obeys Retry-After.
The three clients of the SDK serve other requests: `clusters` the Kubernetes versions and the kubeconfig, `registries` whether
a name is free, `resources` the resource providers.

Waiting is our own (`waiting.settle`): the SDK's pollers cannot be resumed by another process without a state file, and fail at
a lost operation even if the resource has settled.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError as SdkError
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.core.pipeline import policies
from azure.core.rest import HttpRequest
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

from modelops_runtime.contracts.errors import ModelOpsError, UserError
from mops_azure.config import AzureConfig
from mops_azure.errors import AzureError, from_reply, is_absence, one_line
from mops_azure.resources.cluster import CLUSTERS
from mops_azure.resources.group import GROUPS
from mops_azure.resources.registry import REGISTRIES
from mops_azure.signin import credential_for, failed_sign_in_line

logging.getLogger("azure").addHandler(logging.NullHandler())  # its warnings are in our one line already

FIRST_PAUSE_S = 0.8
"""Seconds of the first pause after a failed attempt; it doubles."""


LONGEST_PAUSE_S = 30
USER_AGENT = "modelops"


class SignInFailed(UserError):
    """Sign-in failed; the text says what to do."""


class AzureUnreachable(ModelOpsError):
    """No answer from Azure."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer below 400, or one that the caller accepts."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def operation_url(self) -> str | None:
        """The URL of the operation's status, with the signed query that must be sent unchanged."""
        return self.headers.get("azure-asyncoperation")

    @property
    def result_url(self) -> str | None:
        """The URL of a deletion's result; for a resource group the only one."""
        return self.operation_url or self.headers.get("location")


class ArmClient:
    """One subscription's Resource Manager. Every method raises AzureError for a refusal, SignInFailed, AzureUnreachable."""

    def __init__(self, config: AzureConfig, *, credential: TokenCredential | None = None) -> None:
        self._config = config
        self._base = config.cloud.resource_manager
        self._client_options = {
            "credential": credential or credential_for(config),
            "subscription_id": config.subscription_id,
            "base_url": self._base,
            "credential_scopes": [f"{self._base}/.default"],
            "retry_backoff_max": LONGEST_PAUSE_S,
            "user_agent": USER_AGENT,
        }
        self._pipeline = _pipeline(self._base, self._client_options["credential"])

    @cached_property
    def resources(self) -> Any:
        from azure.mgmt.resource.resources import ResourceManagementClient

        return ResourceManagementClient(**self._client_options, api_version=GROUPS)

    @cached_property
    def clusters(self) -> Any:
        from azure.mgmt.containerservice import ContainerServiceClient

        return ContainerServiceClient(**self._client_options, api_version=CLUSTERS)

    @cached_property
    def registries(self) -> Any:
        from azure.mgmt.containerregistry import ContainerRegistryManagementClient

        return ContainerRegistryManagementClient(**self._client_options, api_version=REGISTRIES)

    def get(self, id_: str, api_version: str, doing: str) -> Any | None:
        """The resource, or None if it does not exist; any other 404, as for a wrong subscription, is a refusal."""
        reply = self.send("GET", id_, api_version, doing, accept=(404,))
        return reply.body if is_there(id_, reply, doing) else None

    def put(self, id_: str, api_version: str, body: Any, doing: str, *, if_missing: bool = False) -> Reply:
        """`if_missing`: refused with 412 if it exists already."""
        return self.send(
            "PUT", id_, api_version, doing, body=body, headers={"If-None-Match": "*"} if if_missing else {}
        )

    def delete(self, id_: str, api_version: str, doing: str) -> Reply:
        """404: already gone."""
        reply = self.send("DELETE", id_, api_version, doing, accept=(404,))
        is_there(id_, reply, doing)
        return reply

    def call(
        self, doing: str, operation: Callable[..., Any], *args: Any, accept: tuple[int, ...] = (), **options: Any
    ) -> Reply:
        """One short operation of an SDK client."""

        def run() -> Any:
            # The 401 of Resource Manager has a meaning of its own; only Entra's is a failed sign-in.
            found = operation(*args, cls=lambda response, *_: response, error_map={401: HttpResponseError}, **options)
            return found.http_response

        return self._answered(doing, run, accept)

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
        """One request; a long operation is only started. `path` may be a full URL (of an operation)."""
        url = path if path.startswith("https://") else f"{self._base}{path}"
        if api_version:
            url += ("&" if "?" in url else "?") + f"api-version={api_version}"
        request = HttpRequest(method, url, json=body, headers={"Accept": "application/json", **(headers or {})})
        return self._answered(doing, lambda: self._pipeline.send_request(request), accept)

    def _answered(self, doing: str, run: Callable[[], Any], accept: tuple[int, ...]) -> Reply:
        response: Any
        try:
            response = run()
        except ClientAuthenticationError as error:
            raise SignInFailed(failed_sign_in_line(self._config, str(error))) from error
        except HttpResponseError as error:
            if error.response is None:
                raise AzureUnreachable(_unreachable_line(doing, error)) from error
            response = error.response
        except SdkError as error:
            raise AzureUnreachable(_unreachable_line(doing, error)) from error
        content = _json(response)
        if response.status_code >= 400 and response.status_code not in accept:
            raise from_reply(doing, response.status_code, content)
        found = {key.lower(): value for key, value in response.headers.items()}
        return Reply(status=response.status_code, body=content, headers=found)


def _pipeline(base: str, credential: TokenCredential) -> ARMPipelineClient[HttpRequest, Any]:
    """Without the SDK's registration of providers, which does not work for long operations (doctor.py does it), and its logs."""
    return ARMPipelineClient(
        base,
        policies=[
            policies.RequestIdPolicy(),
            policies.HeadersPolicy(),
            policies.UserAgentPolicy(USER_AGENT),
            policies.ProxyPolicy(),
            policies.ContentDecodePolicy(),
            policies.RedirectPolicy(),
            policies.RetryPolicy(retry_backoff_max=LONGEST_PAUSE_S),
            ARMChallengeAuthenticationPolicy(credential, f"{base}/.default"),
            policies.SensitiveHeaderCleanupPolicy(),
        ],
    )


def is_there(id_: str, reply: Reply, doing: str) -> bool:
    """Of a reply for which 404 was accepted. Raises AzureError for a 404 that says something else than that it is not there."""
    if reply.status != 404:
        return True
    if not is_absence(id_, reply.status, reply.body):
        raise from_reply(doing, reply.status, reply.body)
    return False


def _unreachable_line(doing: str, error: SdkError) -> str:
    return f"{doing}: no answer from Azure ({one_line(str(error))}); check the network, then run the same command again"


def _json(response: Any) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def with_patience(
    call: Callable[[], Reply], codes: tuple[str, ...], *, for_s: float, sleep: Callable[[float], None] = time.sleep
) -> Reply:
    """Retry while Azure answers one of `codes`, for `for_s` seconds, with growing pauses."""
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
