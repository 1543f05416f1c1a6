"""Azure Resource Manager by its own SDK clients. Bodies are ARM's JSON both ways: what is compared is what Azure said.

Waiting is ours (`waiting.settle`): the SDK's pollers cannot be taken up again by another process without a state file, and end at
a lost operation although the resource has settled.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from azure.core import MatchConditions
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError as SdkError
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.core.polling import LROPoller, NoPolling
from azure.core.rest import HttpRequest

from modelops_runtime.contracts.errors import ModelOpsError, UserError
from mops_azure.config import AzureConfig
from mops_azure.errors import AzureError, from_reply, is_absence, one_line
from mops_azure.resources.cluster import CLUSTERS
from mops_azure.resources.group import GROUPS
from mops_azure.resources.registry import REGISTRIES
from mops_azure.signin import credential_for

logging.getLogger("azure").addHandler(logging.NullHandler())  # its warnings are in our one line already

FIRST_PAUSE_S = 0.8
"""Seconds of the first pause after a failed try; it doubles."""


class SignInFailed(UserError):
    """No token could be had; the text says what to do."""


class Unreachable(ModelOpsError):
    """No answer from Azure."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer below 400, or one that the caller accepts."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def operation_url(self) -> str | None:
        """Where the operation's status is told, with the signed query that must be sent back whole."""
        return self.headers.get("azure-asyncoperation")

    @property
    def result_url(self) -> str | None:
        """Where the end of a deletion is told: of a resource group by this alone."""
        return self.operation_url or self.headers.get("location")


@dataclass(frozen=True, kw_only=True)
class Route:
    """Which operations of which client read, put and delete resources of a type."""

    client: str
    operations: str
    put: str = "begin_create_or_update"


ROUTES = {
    "": Route(client="resources", operations="resource_groups", put="create_or_update"),
    "microsoft.containerservice/managedclusters": Route(client="clusters", operations="managed_clusters"),
    "microsoft.containerservice/managedclusters/agentpools": Route(client="clusters", operations="agent_pools"),
    "microsoft.containerregistry/registries": Route(client="registries", operations="registries", put="begin_create"),
}
"""Type in lower case -> its route; all others go by their id through the client for resources of any type."""


def route_of(id_: str) -> tuple[Route | None, list[str]]:
    """The route, and the names that its operations take: group, resource, its child."""
    parts = id_.strip("/").split("/")
    if id_.lower().count("/providers/") > 1:
        return None, []
    kind = "/".join([parts[5], *parts[6::2]]).lower() if len(parts) > 5 else ""
    return ROUTES.get(kind), [parts[3], *parts[7::2]]


class Begun(NoPolling):
    """A long operation's first reply, whatever it holds: often nothing."""

    def resource(self) -> Any:
        return self._initial_response


class Arm:
    """One subscription's Resource Manager. Every method raises AzureError for a refusal, SignInFailed, Unreachable."""

    def __init__(self, config: AzureConfig, *, credential: TokenCredential | None = None) -> None:
        self._sign_in_again = f"`az login --tenant {config.tenant_id}`, or check auth in the provider config"
        if config.auth.method == "service_principal":
            self._sign_in_again = "check auth in the provider config, and that the secret is right and has not expired"
        self._base = config.cloud.resource_manager
        self._client_options = {
            "credential": credential or credential_for(config),
            "subscription_id": config.subscription_id,
            "base_url": self._base,
            "credential_scopes": [f"{self._base}/.default"],
            "retry_backoff_max": 30,
            "user_agent": "modelops",
        }

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
        """The resource, or None when it is not there; any other 404, as of a wrong subscription, is a refusal."""
        route, names = route_of(id_)
        if route is None:
            by_id = self.resources.resources.get_by_id
            reply = self.call(doing, by_id, id_.strip("/"), api_version=api_version, accept=(404,))
        else:
            operations = getattr(getattr(self, route.client), route.operations)
            reply = self.call(doing, operations.get, *names, accept=(404,))
        return reply.body if is_there(id_, reply, doing) else None

    def put(self, id_: str, api_version: str, body: Any, doing: str, *, if_missing: bool = False) -> Reply:
        """`if_missing`: refused with 412 when it is there already."""
        route, names = route_of(id_)
        options: dict[str, Any] = {"match_condition": MatchConditions.IfMissing} if if_missing else {}
        if route is None:
            by_id = self.resources.resources.begin_create_or_update_by_id
            return self.call(doing, by_id, id_.strip("/"), body, api_version=api_version, **options)
        operations = getattr(getattr(self, route.client), route.operations)
        return self.call(doing, getattr(operations, route.put), *names, body, **options)

    def delete(self, id_: str, api_version: str, doing: str) -> Reply:
        """404: it is gone already."""
        route, names = route_of(id_)
        if route is None:
            by_id = self.resources.resources.begin_delete_by_id
            reply = self.call(doing, by_id, id_.strip("/"), api_version=api_version, accept=(404,))
        else:
            operations = getattr(getattr(self, route.client), route.operations)
            reply = self.call(doing, operations.begin_delete, *names, accept=(404,))
        is_there(id_, reply, doing)
        return reply

    def call(
        self, doing: str, operation: Callable[..., Any], *args: Any, accept: tuple[int, ...] = (), **options: Any
    ) -> Reply:
        """One operation of an SDK client, sent and answered: a long one is only begun."""
        if operation.__name__.startswith("begin_"):
            options["polling"] = Begun()

        def run() -> Any:
            # The 401 of Resource Manager has a meaning of its own; only Entra's is a failed sign-in.
            found = operation(*args, cls=lambda response, *_: response, error_map={401: HttpResponseError}, **options)
            return (found.result() if isinstance(found, LROPoller) else found).http_response

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
        accept: tuple[int, ...] = (),
    ) -> Reply:
        """What no client has an operation for. `path` may be a whole address (an operation's)."""
        url = path if path.startswith("https://") else f"{self._base}{path}"
        if api_version:
            url += ("&" if "?" in url else "?") + f"api-version={api_version}"
        return self._answered(doing, lambda: self.resources.send_request(HttpRequest(method, url, json=body)), accept)

    def _answered(self, doing: str, run: Callable[[], Any], accept: tuple[int, ...]) -> Reply:
        response: Any
        try:
            response = run()
        except ClientAuthenticationError as error:
            raise SignInFailed(self._sign_in_line(error)) from error
        except HttpResponseError as error:
            if error.response is None:
                raise Unreachable(_unreachable_line(doing, error)) from error
            response = error.response
        except SdkError as error:
            raise Unreachable(_unreachable_line(doing, error)) from error
        content = _json(response)
        if response.status_code >= 400 and response.status_code not in accept:
            raise from_reply(doing, response.status_code, content)
        found = {key.lower(): value for key, value in response.headers.items()}
        return Reply(status=response.status_code, body=content, headers=found)

    def _sign_in_line(self, error: ClientAuthenticationError) -> str:
        said = one_line(str(error), 200)
        if "not found on path" in said.lower():
            return "sign-in: the Azure CLI `az` is not installed; install it, or use another auth method"
        return f"sign-in: {said}; {self._sign_in_again}"


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
