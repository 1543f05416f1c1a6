"""A loopback Resource Manager and Entra over TLS: bodies are checked by Azure's published types, long operations take polls."""

from __future__ import annotations

import base64
import json
import re
import secrets
import ssl
import threading
import time
from collections.abc import Callable
from copy import deepcopy
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

from tests.azure import arm_clusters as clusters
from tests.azure import arm_operations as operations
from tests.azure import arm_others as others
from tests.azure import arm_parts as parts
from tests.azure import arm_shapes as shapes
from tests.azure import armtypes
from tests.azure.arm_http import Fault, Handler, Request
from tests.azure.arm_shapes import SUBSCRIPTION as SUBSCRIPTION

TENANT = "22222222-2222-2222-2222-222222222222"
CLIENT = "33333333-3333-3333-3333-333333333333"
SECRET = "a-secret-that-must-never-be-shown"


class ArmServer:
    """Start with `with ArmServer(certificate, key) as arm:`; state, faults and the log are plain attributes."""

    def __init__(self, certificate: str, key: str) -> None:
        self.resources: dict[str, Any] = {}
        """Id in lower case -> resource."""
        self.operations: dict[str, dict[str, Any]] = {}
        self.log: list[Request] = []
        self.invalid: list[str] = []
        self.faults: list[Fault] = []
        self.on_request: Callable[[int], None] = lambda number: None
        """Called with the number of each ARM request, from 1, after it took effect and before it is answered."""
        self.polls = 1
        """Polls that a long operation takes."""
        self.outcome: dict[str, dict[str, Any]] = {}
        """Id in lower case -> how its next operation ends: {"status", "error", "state"}."""
        self.unregistered: set[str] = set()
        self.deleted_vaults: set[str] = set()
        """Ids in lower case; a vault of that id can only be recovered."""
        self.servers_hidden = True
        """A new database server is not to be seen before it is ready."""
        self.tokens: dict[str, float] = {}
        self.token_life_s = 3600.0
        self.groups_members: dict[str, list[Any]] = {}
        """Group id in lower case -> foreign resources in it."""
        self.answers: dict[str, Any] = {}
        """Regular expression of a path -> body, for what is only read."""
        self.kubeconfig: Any = None
        """Of every cluster; None: one that leads nowhere."""
        self.assertion = ""
        """What a pod with workload identity may show instead of a secret; "": nothing."""
        self.subscriptions = {SUBSCRIPTION}
        """Those that the caller sees, in lower case."""
        self.machine_queries: list[dict[str, list[str]]] = []
        self.prices: list[dict[str, Any]] = []
        """Items of the retail price service; none: it is down."""
        self.price_filters: list[str] = []
        self._lock = threading.RLock()
        handler = type("Handler", (Handler,), {"arm": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.http.daemon_threads = True
        self.url = f"https://127.0.0.1:{self.http.server_address[1]}"

    def __enter__(self) -> ArmServer:
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.shutdown()
        self.http.server_close()

    def writes(self) -> list[Request]:
        return [one for one in self.log if one.method in ("PUT", "PATCH", "DELETE")]

    # --- Entra ---------------------------------------------------------------------------------------------------
    def token(self, form: dict[str, list[str]]) -> tuple[int, Any]:
        asserted = self.assertion and form.get("client_assertion") == [self.assertion]
        if form.get("client_secret") != [SECRET] and not asserted:
            return 401, {
                "error": "invalid_client",
                "error_description": "AADSTS7000215: Invalid client secret provided.",
            }
        return 200, {"token_type": "Bearer", "expires_in": int(self.token_life_s), "access_token": self.new_token()}

    def machine_token(self, query: dict[str, list[str]], header: str | None) -> tuple[int, Any]:
        """What an App Service, and by the same protocol others, gives to a managed identity."""
        if header != SECRET or not query.get("resource"):
            return 400, {"statusCode": 400, "message": "No managed identity was found."}
        self.machine_queries.append(query)
        expires = int(time.time() + self.token_life_s)
        return 200, {"access_token": self.new_token(), "expires_on": str(expires), "token_type": "Bearer"}

    def new_token(self) -> str:
        claims = base64.urlsafe_b64encode(json.dumps({"tid": TENANT}).encode()).decode().rstrip("=")
        token = f"e30.{claims}.{secrets.token_hex(8)}"
        self.tokens[token] = time.time() + self.token_life_s
        return token

    def openid(self, tenant: str) -> Any:
        base = f"{self.url}/{tenant}"
        return {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "issuer": f"{base}/v2.0",
            "jwks_uri": f"{base}/keys",
        }

    # --- retail prices: anybody may ask --------------------------------------------------------------------------
    def retail_prices(self, query: dict[str, list[str]]) -> tuple[int, Any]:
        """Pages of two; `prices` are the items of all services."""
        self.price_filters.append(wanted := query.get("$filter", query.get("more", [""]))[0])
        if not self.prices:
            return 503, None
        service = re.search(r"serviceName eq '([^']+)'", wanted)
        regions, meters = (
            re.findall(r"armRegionName eq '([^']+)'", wanted),
            re.findall(r"meterName eq '([^']+)'", wanted),
        )
        found = [one for one in self.prices if service and one["serviceName"] == service[1]]
        found = [one for one in found if one["armRegionName"] in regions and (not meters or one["meterName"] in meters)]
        skip = int(query.get("$skip", ["0"])[0])
        more = f"{self.url}/api/retail/prices?more={quote(wanted)}&$skip={skip + 2}" if len(found) > skip + 2 else None
        return 200, {"BillingCurrency": "USD", "Items": found[skip : skip + 2], "NextPageLink": more}

    # --- Resource Manager ----------------------------------------------------------------------------------------
    def handle(
        self, method: str, path: str, query: dict[str, list[str]], body: Any, headers: Any
    ) -> tuple[int, Any, dict[str, str]]:
        with self._lock:
            operations.advance(self)
            if match := re.fullmatch(r"/operations/(\w+)", path):
                return operations.poll(self, match[1], query)
            for pattern, answer in self.answers.items():
                if re.search(pattern, path.lower()):
                    return 200, answer, {}
            if not query.get("api-version"):
                return (
                    400,
                    shapes.error("MissingApiVersionParameter", "The api-version query parameter is required."),
                    {},
                )
            if wrong := shapes.wrong_subscription(path, self.subscriptions):
                return *wrong, {}
            if match := re.fullmatch(r"/subscriptions/[^/]+/providers/([^/]+)(/register)?", path):
                return others.provider(self, match[1], bool(match[2]), method)
            if path.lower().endswith("/kubernetesversions"):
                return 200, shapes.offered(), {}
            if method == "GET" and path.lower().rsplit("/", 1)[1] in others.LISTED:
                return others.list_(self, path.lower(), query)
            if method == "POST":
                return clusters.post(self, path)
            return getattr(self, f"_{method.lower()}")(path, query["api-version"][0], body, headers)

    def _get(self, path: str, *_: Any) -> tuple[int, Any, dict[str, str]]:
        if "/publicipaddresses/" in path.lower():
            return 200, parts.address(path), {}
        found = self.resources.get(path.lower())
        return (200, found, {}) if found else self.missing(path)

    def _head(self, path: str, *_: Any) -> tuple[int, Any, dict[str, str]]:
        return (204 if path.lower() in self.resources else 404), None, {}

    def missing(self, path: str) -> tuple[int, Any, dict[str, str]]:
        group = path.lower().split("/providers/")[0]
        if group not in self.resources:
            return (
                404,
                shapes.error("ResourceGroupNotFound", f"Resource group '{group.split('/')[-1]}' could not be found."),
                {},
            )
        code = shapes.CHILD_IS_MISSING.get(shapes.type_of(path).lower(), "ResourceNotFound")
        return 404, shapes.error(code, f"The Resource '{path}' was not found."), {}

    def _put(self, path: str, version: str, body: Any, headers: Any) -> tuple[int, Any, dict[str, str]]:
        id_, type_ = path.lower(), shapes.type_of(path)
        if not armtypes.known(type_, version):
            return (
                400,
                shapes.error(
                    "NoRegisteredProviderFound", f"No registered resource provider found for {type_} and {version}."
                ),
                {},
            )
        wrong = armtypes.mistakes(type_, version, body)
        if wrong:
            self.invalid += [f"{path}: {one}" for one in wrong]
            return 400, shapes.error("InvalidRequestContent", "; ".join(wrong)), {}
        provider = type_.split("/")[0]
        if provider in self.unregistered:
            return (
                409,
                shapes.error(
                    "MissingSubscriptionRegistration",
                    f"The subscription is not registered to use namespace '{provider}'.",
                ),
                {},
            )
        group = id_.split("/providers/")[0]
        if "/providers/" in id_ and group not in self.resources:
            return self.missing(path)
        old = self.resources.get(id_)
        if headers.get("If-None-Match") == "*" and old:
            return 412, shapes.error("PreconditionFailed", "The resource exists."), {}
        if old and (old.get("properties") or {}).get("provisioningState") in ("Creating", "Updating", "Deleting"):
            return (
                409,
                shapes.error("OperationNotAllowed", "Operation is not allowed: another operation is in progress."),
                {},
            )
        short = type_.split("/")[-1].lower()
        known = {"managedclusters": clusters.put_cluster, "agentpools": clusters.put_pool, **parts.PUTS}
        put = known.get(short, others.put)
        return put(self, path, deepcopy(body), old)

    def _delete(self, path: str, *_: Any) -> tuple[int, Any, dict[str, str]]:
        id_ = path.lower()
        is_pool = "/agentpools/" in id_ and shapes.named_in(
            (self.resources.get(id_.rsplit("/agentpools/", 1)[0]) or {"properties": {}})["properties"].get(
                "agentPoolProfiles", []
            ),
            id_.split("/")[-1],
        )
        if id_ not in self.resources and not is_pool:
            return (204, None, {}) if "/providers/" in id_ else self.missing(path)
        if "/locks/" not in id_:
            for key in self.resources:
                scope = key.split("/providers/microsoft.authorization/locks/")[0]
                if scope != key and (id_ == scope or id_.startswith(f"{scope}/") or scope.startswith(f"{id_}/")):
                    return (
                        409,
                        shapes.error(
                            "ScopeLocked", f"The scope '{path}' cannot perform delete operation because it is locked."
                        ),
                        {},
                    )
        if "/microsoft.authorization/" in id_:
            del self.resources[id_]
            return 200, None, {}
        if is_pool:
            self.resources.pop(id_, None)
            operations.into_cluster(self, id_)
            return 202, None, {}
        self.resources[id_].setdefault("properties", {})["provisioningState"] = "Deleting"
        headers = operations.begin(self, id_, "delete", None)
        location = {"Location": headers["Azure-AsyncOperation"]}
        return 202, None, location if "/providers/" not in id_ else {**headers, **location}
