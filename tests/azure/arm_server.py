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
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.azure import armtypes, settle

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
TENANT = "22222222-2222-2222-2222-222222222222"
CLIENT = "33333333-3333-3333-3333-333333333333"
SECRET = "a-secret-that-must-never-be-shown"
LATEST = settle.LATEST
PHASES = ("InProgress", "ProvisioningControlPlane", "CreatingAgentPools: 1/3 nodes completed")


@dataclass
class Fault:
    """Do `act` to the `nth` (from 0) and the `times - 1` following requests that fit."""

    method: str
    path: str
    """A regular expression, found in the path in lower case."""
    status: int = 0
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    nth: int = 0
    times: int = 1
    reset: str = ""
    """`before` or `after` Azure has taken the request."""
    seen: int = 0


@dataclass
class Request:
    """One request as logged, its body too."""

    method: str
    path: str
    status: int
    body: Any


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
        self.polls = 2
        """Polls that a long operation takes."""
        self.outcome: dict[str, dict[str, Any]] = {}
        """Id in lower case -> how its next operation ends: {"status", "error", "state"}."""
        self.unregistered: set[str] = set()
        self.tokens: dict[str, float] = {}
        self.token_life_s = 3600.0
        self.groups_members: dict[str, list[Any]] = {}
        """Group id in lower case -> foreign resources in it."""
        self.answers: dict[str, Any] = {}
        """Regular expression of a path -> body, for what is only read."""
        self._lock = threading.RLock()
        handler = type("Handler", (_Handler,), {"arm": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self._http.daemon_threads = True
        self.url = f"https://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> ArmServer:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def writes(self) -> list[Request]:
        return [one for one in self.log if one.method in ("PUT", "PATCH", "DELETE")]

    # --- Entra ---------------------------------------------------------------------------------------------------
    def token(self, form: dict[str, list[str]]) -> tuple[int, Any]:
        if form.get("client_secret") != [SECRET]:
            return 401, {
                "error": "invalid_client",
                "error_description": "AADSTS7000215: Invalid client secret provided.",
            }
        claims = base64.urlsafe_b64encode(json.dumps({"tid": TENANT}).encode()).decode().rstrip("=")
        token = f"e30.{claims}.{secrets.token_hex(8)}"
        self.tokens[token] = time.time() + self.token_life_s
        return 200, {"token_type": "Bearer", "expires_in": int(self.token_life_s), "access_token": token}

    def openid(self, tenant: str) -> Any:
        base = f"{self.url}/{tenant}"
        return {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "issuer": f"{base}/v2.0",
            "jwks_uri": f"{base}/keys",
        }

    # --- Resource Manager ----------------------------------------------------------------------------------------
    def handle(
        self, method: str, path: str, query: dict[str, list[str]], body: Any, headers: Any
    ) -> tuple[int, Any, dict[str, str]]:
        with self._lock:
            self._advance()
            if match := re.fullmatch(r"/operations/(\w+)", path):
                return self._poll(match[1], query)
            for pattern, answer in self.answers.items():
                if re.search(pattern, path.lower()):
                    return 200, answer, {}
            if not query.get("api-version"):
                return 400, _error("MissingApiVersionParameter", "The api-version query parameter is required."), {}
            if match := re.fullmatch(r"/subscriptions/[^/]+/providers/([^/]+)(/register)?", path):
                return self._provider(match[1], bool(match[2]), method)
            if path.lower().endswith("/kubernetesversions"):
                return 200, _offered(), {}
            if method == "GET" and re.search(r"/(resources|roleassignments|locks)$", path.lower()):
                return self._list(path.lower(), query)
            if method == "POST":
                return self._post(path)
            return getattr(self, f"_{method.lower()}")(path, query["api-version"][0], body, headers)

    def _advance(self) -> None:
        """Work that nobody polls for goes on as well: each request is a tick."""
        for operation in self.operations.values():
            operation["ticks"] += 1
            if not operation["done"] and operation["ticks"] > self.polls * 3 + 3:
                self._finish(operation)

    def _poll(self, name: str, query: dict[str, list[str]]) -> tuple[int, Any, dict[str, str]]:
        operation = self.operations[name]
        if query.get("s") != [operation["signature"]]:
            return 403, _error("AuthenticationFailed", "The signature of the operation's address is wrong."), {}
        operation["polled"] += 1
        if operation["polled"] > self.polls:
            self._finish(operation)
        if not operation["done"]:
            phase = PHASES[min(operation["polled"] - 1, len(PHASES) - 1)]
            return 200, {"name": name, "status": phase, "startTime": "2026-01-01T00:00:00Z"}, {}
        outcome = operation["outcome"]
        return (
            200,
            {"name": name, "status": outcome["status"], **({"error": outcome["error"]} if "error" in outcome else {})},
            {},
        )

    def _begin(self, id_: str, kind: str, after: Any) -> dict[str, str]:
        name = secrets.token_hex(8)
        outcome = self.outcome.pop(id_, {"status": "Succeeded"})
        signature = secrets.token_hex(2000)  # as long as the real ones
        self.operations[name] = {
            "id": id_, "kind": kind, "after": after, "outcome": outcome, "polled": 0, "ticks": 0, "done": False,
            "signature": signature,
        }  # fmt: skip
        return {"Azure-AsyncOperation": f"{self.url}/operations/{name}?api-version=2025-03-01&t=1&s={signature}"}

    def _finish(self, operation: dict[str, Any]) -> None:
        if operation["done"]:
            return
        operation["done"] = True
        id_ = operation["id"]
        state = operation["outcome"].get("state", operation["outcome"]["status"])
        if operation["kind"] == "delete":
            if state == "Succeeded":
                for key in [key for key in self.resources if key == id_ or key.startswith(f"{id_}/")]:
                    del self.resources[key]
            return
        if id_ not in self.resources:
            return
        resource = operation["after"]
        resource["properties"]["provisioningState"] = state
        for pool in resource["properties"].get("agentPoolProfiles", []):
            pool["provisioningState"] = state
        self.resources[id_] = resource
        if "/agentpools/" in id_:
            self._into_cluster(id_)

    def _get(self, path: str, *_: Any) -> tuple[int, Any, dict[str, str]]:
        found = self.resources.get(path.lower())
        return (200, found, {}) if found else self._missing(path)

    def _head(self, path: str, *_: Any) -> tuple[int, Any, dict[str, str]]:
        return (204 if path.lower() in self.resources else 404), None, {}

    def _missing(self, path: str) -> tuple[int, Any, dict[str, str]]:
        group = path.lower().split("/providers/")[0]
        if group not in self.resources:
            return (
                404,
                _error("ResourceGroupNotFound", f"Resource group '{group.split('/')[-1]}' could not be found."),
                {},
            )
        return 404, _error("ResourceNotFound", f"The Resource '{path}' was not found."), {}

    def _put(self, path: str, version: str, body: Any, headers: Any) -> tuple[int, Any, dict[str, str]]:
        id_, type_ = path.lower(), type_of(path)
        if not armtypes.known(type_, version):
            return (
                400,
                _error(
                    "NoRegisteredProviderFound", f"No registered resource provider found for {type_} and {version}."
                ),
                {},
            )
        wrong = armtypes.mistakes(type_, version, body)
        if wrong:
            self.invalid += [f"{path}: {one}" for one in wrong]
            return 400, _error("InvalidRequestContent", "; ".join(wrong)), {}
        provider = type_.split("/")[0]
        if provider in self.unregistered:
            return (
                409,
                _error(
                    "MissingSubscriptionRegistration",
                    f"The subscription is not registered to use namespace '{provider}'.",
                ),
                {},
            )
        group = id_.split("/providers/")[0]
        if "/providers/" in id_ and group not in self.resources:
            return self._missing(path)
        old = self.resources.get(id_)
        if headers.get("If-None-Match") == "*" and old:
            return 412, _error("PreconditionFailed", "The resource exists."), {}
        if old and (old.get("properties") or {}).get("provisioningState") in ("Creating", "Updating", "Deleting"):
            return 409, _error("OperationNotAllowed", "Operation is not allowed: another operation is in progress."), {}
        short = type_.split("/")[-1].lower()
        put = {"managedclusters": self._put_cluster, "agentpools": self._put_pool}.get(short, self._put_simple)
        return put(path, deepcopy(body), old)

    def _named(self, path: str, body: Any, **over: Any) -> Any:
        spelled = path.replace("/resourceGroups/", "/resourcegroups/") if "/providers/" in path else path
        return {"id": spelled, "name": path.split("/")[-1], "type": over.get("type", type_of(path)), **body}

    def _put_simple(self, path: str, body: Any, old: Any) -> tuple[int, Any, dict[str, str]]:
        if type_of(path).endswith("roleAssignments"):
            return self._put_assignment(path, body, old)
        resource = self._named(path, settle.without_empty(body))
        resource.setdefault("properties", {})
        if not type_of(path).endswith("locks"):
            resource["properties"]["provisioningState"] = "Succeeded"
        if type_of(path).endswith("registries"):
            resource["properties"] |= {
                "loginServer": f"{resource['name'].lower()}.azurecr.io",
                "adminUserEnabled": False,
            }
        self.resources[path.lower()] = resource
        return (200 if old else 201), resource, {}

    def _put_assignment(self, path: str, body: Any, old: Any) -> tuple[int, Any, dict[str, str]]:
        wanted = body["properties"]
        for other in self.resources.values():
            said = other.get("properties", {})
            if "principalId" in said and all(
                said[key].lower() == wanted[key].lower() for key in ("principalId", "roleDefinitionId")
            ):
                return 409, _error("RoleAssignmentExists", "The role assignment already exists."), {}
        scope = path.split("/providers/Microsoft.Authorization")[0]
        resource = self._named(path, {"properties": {**wanted, "scope": scope}})
        self.resources[path.lower()] = resource
        return (200 if old else 201), resource, {}

    def _put_cluster(self, path: str, body: Any, old: Any) -> tuple[int, Any, dict[str, str]]:
        pools = {pool["name"] for pool in body["properties"].get("agentPoolProfiles", [])}
        if not pools:
            return (
                400,
                {
                    "code": "InvalidParameter",
                    "message": "Required parameter agentPoolProfiles is missing.",
                    "subcode": "",
                },
                {},
            )
        version = body["properties"].get("kubernetesVersion")
        if version and version not in LATEST and version not in LATEST.values():
            message = f"Managed cluster is on version {version} which is not supported in this region."
            return 400, {"code": "K8sVersionNotSupported", "message": message, "details": None, "subcode": ""}, {}
        live = old["properties"]["agentPoolProfiles"] if old else []
        if old and pools - {pool["name"] for pool in live}:
            message = "A new agent pool was introduced. Adding agent pools to an existing cluster is not allowed "
            message += "through managed cluster operations."
            return 400, {"code": "InvalidParameter", "message": message, "subcode": ""}, {}
        for pool in body["properties"]["agentPoolProfiles"]:
            if (
                old
                and pool.get("enableAutoScaling")
                and pool.get("count") != _named_in(live, pool["name"]).get("count")
            ):
                return (
                    400,
                    {
                        "code": "InvalidParameter",
                        "message": "The count of an autoscaled pool was changed.",
                        "subcode": "",
                    },
                    {},
                )
        group, name = path.split("/")[4], path.split("/")[-1]
        after = settle.cluster(body, group=group, name=name, subscription=SUBSCRIPTION, latest=LATEST)
        after = self._named(path, after, type="Microsoft.ContainerService/ManagedClusters")
        if old:  # pools that are left out stay
            after["properties"]["agentPoolProfiles"] += [pool for pool in live if pool["name"] not in pools]
        during = deepcopy(old or after)
        during["properties"]["provisioningState"] = "Updating" if old else "Creating"
        if not old:
            del during["properties"]["identityProfile"]
        self.resources[path.lower()] = during
        return (200 if old else 201), during, self._begin(path.lower(), "put", after)

    def _put_pool(self, path: str, body: Any, old: Any) -> tuple[int, Any, dict[str, str]]:
        cluster = self.resources.get(path.lower().rsplit("/agentpools/", 1)[0])
        if cluster is None:
            return self._missing(path)
        if cluster["properties"]["provisioningState"] != "Succeeded":
            return (
                409,
                {"code": "OperationNotAllowed", "message": "Operation is not allowed: the cluster is being changed."},
                {},
            )
        name = path.split("/")[-1]
        live = _named_in(cluster["properties"]["agentPoolProfiles"], name)
        sent = body["properties"]
        for fixed in ("vmSize", "availabilityZones", "scaleSetPriority"):
            if live and (live.get(fixed) or "") != (sent.get(fixed) or ""):
                return (
                    400,
                    {"code": "PropertyChangeNotAllowed", "message": f"Changing property '{fixed}' is not allowed."},
                    {},
                )
        after = self._named(path, {"properties": settle.pool(sent, cluster["properties"]["currentKubernetesVersion"])})
        during = deepcopy(after)
        during["properties"]["provisioningState"] = "Updating" if live else "Creating"
        self.resources[path.lower()] = during
        self._into_cluster(path.lower())
        return (200 if live else 201), during, self._begin(path.lower(), "put", after)

    def _into_cluster(self, id_: str) -> None:
        cluster = self.resources[id_.rsplit("/agentpools/", 1)[0]]
        pools = cluster["properties"]["agentPoolProfiles"]
        name = id_.split("/")[-1]
        cluster["properties"]["agentPoolProfiles"] = [pool for pool in pools if pool["name"] != name]
        if id_ in self.resources:
            cluster["properties"]["agentPoolProfiles"].append({"name": name, **self.resources[id_]["properties"]})

    def _delete(self, path: str, *_: Any) -> tuple[int, Any, dict[str, str]]:
        id_ = path.lower()
        is_pool = "/agentpools/" in id_ and _named_in(
            (self.resources.get(id_.rsplit("/agentpools/", 1)[0]) or {"properties": {}})["properties"].get(
                "agentPoolProfiles", []
            ),
            id_.split("/")[-1],
        )
        if id_ not in self.resources and not is_pool:
            return (204, None, {}) if "/providers/" in id_ else self._missing(path)
        if "/locks/" not in id_:
            for key in self.resources:
                scope = key.split("/providers/microsoft.authorization/locks/")[0]
                if scope != key and (id_ == scope or id_.startswith(f"{scope}/") or scope.startswith(f"{id_}/")):
                    return (
                        409,
                        _error(
                            "ScopeLocked", f"The scope '{path}' cannot perform delete operation because it is locked."
                        ),
                        {},
                    )
        if "/microsoft.authorization/" in id_:
            del self.resources[id_]
            return 200, None, {}
        if is_pool:
            self.resources.pop(id_, None)
            self._into_cluster(id_)
            return 202, None, {}
        self.resources[id_].setdefault("properties", {})["provisioningState"] = "Deleting"
        headers = self._begin(id_, "delete", None)
        location = {"Location": headers["Azure-AsyncOperation"]}
        return 202, None, location if "/providers/" not in id_ else {**headers, **location}

    def _list(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any, dict[str, str]]:
        wanted = path.rsplit("/", 1)[-1]
        if wanted == "resources":
            group = path.rsplit("/", 1)[0]
            if group not in self.resources:
                return self._missing(path)
            inside = [
                one
                for key, one in self.resources.items()
                if key.startswith(f"{group}/providers/") and key.count("/") == 8
            ]
            inside = [one for one in inside if "/microsoft.authorization/" not in one["id"].lower()]
            return 200, {"value": inside + self.groups_members.get(group, [])}, {}
        scope = path.rsplit("/providers/", 1)[0]
        part = f"/providers/microsoft.authorization/{wanted}/"
        found = [one for key, one in self.resources.items() if part in key and key.startswith(scope)]
        for said in query.get("$filter", []):
            if match := re.search(r"principalId eq '([^']+)'", said):
                found = [one for one in found if one["properties"].get("principalId") == match[1]]
        return 200, {"value": found}, {}

    def _provider(self, name: str, register: bool, method: str) -> tuple[int, Any, dict[str, str]]:
        if register and method == "POST":
            self.unregistered.discard(name)
        state = "NotRegistered" if name in self.unregistered else "Registered"
        return 200, {"namespace": name, "registrationState": state}, {}

    def _post(self, path: str) -> tuple[int, Any, dict[str, str]]:
        id_, _, action = path.lower().rpartition("/")
        cluster = self.resources.get(id_)
        if cluster is None:
            return self._missing(path)
        if action in ("start", "stop"):
            after = deepcopy(cluster)
            after["properties"]["powerState"] = {"code": "Running" if action == "start" else "Stopped"}
            cluster["properties"]["provisioningState"] = "Starting" if action == "start" else "Stopping"
            return 202, None, self._begin(id_, "put", after)
        kubeconfig = base64.b64encode(json.dumps(_kubeconfig(cluster["name"])).encode()).decode()
        return 200, {"kubeconfigs": [{"name": "clusterUser", "value": kubeconfig}]}, {}


def _kubeconfig(name: str) -> Any:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": "https://127.0.0.1:1", "certificate-authority-data": "eA=="}}
        ],
        "users": [{"name": f"clusterUser_{name}", "user": {"token": "kube-token-never-shown"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": f"clusterUser_{name}"}}],
        "current-context": name,
    }


def _offered() -> Any:
    def one(minor: str, *, plan: str = "KubernetesOfficial", **more: Any) -> Any:
        major, _, number = minor.partition(".")
        patches = {f"{minor}.{n}": {"upgrades": []} for n in (1, int(LATEST.get(minor, "0.0.2").rsplit(".", 1)[1]))}
        return {
            "version": f"{major}.{number}",
            "capabilities": {"supportPlan": [plan]},
            "patchVersions": patches,
            **more,
        }

    return {
        "values": [
            one("1.33", plan="AKSLongTermSupport"),
            one("1.34"),
            one("1.35", isDefault=True),
            one("1.36"),
            one("1.37", isPreview=True),
        ]
    }


def _named_in(pools: list[Any], name: str) -> Any:
    return next((pool for pool in pools if pool["name"] == name), {})


def _error(code: str, message: str) -> Any:
    return {"error": {"code": code, "message": message}}


def type_of(path: str) -> str:
    """`/subscriptions/S/resourceGroups/G/providers/N/a/x/b/y` -> `N/a/b`."""
    if "/providers/" not in path:
        return "Microsoft.Resources/resourceGroups"
    parts = path.rsplit("/providers/", 1)[1].split("/")
    return "/".join([parts[0], *parts[1::2]])


class _Handler(BaseHTTPRequestHandler):
    arm: ArmServer
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if match := re.fullmatch(r"/([^/]+)/(v2\.0/\.well-known/openid-configuration|oauth2/v2\.0/token)", parts.path):
            if match[2].startswith("v2.0"):
                return self._answer(200, self.arm.openid(match[1]))
            return self._answer(*self.arm.token(parse_qs(raw.decode())))
        body = json.loads(raw) if raw else None
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if self.arm.tokens.get(token, 0) < time.time():
            self._log(parts.path, 401, None)
            return self._answer(401, _error("ExpiredAuthenticationToken", "The access token expired."))
        fault = self._fault(parts.path)
        if fault and fault.reset == "before":
            return self._reset(parts.path, body)
        if fault and not fault.reset:
            self._log(parts.path, fault.status, body)
            return self._answer(fault.status, fault.body, fault.headers)
        status, answer, headers = self.arm.handle(self.command, parts.path, parse_qs(parts.query), body, self.headers)
        answer = deepcopy(answer)
        self._log(parts.path, status, body)
        self.arm.on_request(len(self.arm.log))
        if fault and fault.reset == "after":
            return self._reset(None, body)
        return self._answer(status, answer, headers)

    do_GET = do_PUT = do_DELETE = do_POST = do_HEAD = do_PATCH = _serve

    def _fault(self, path: str) -> Fault | None:
        for fault in self.arm.faults:
            if fault.method == self.command and re.search(fault.path, path.lower()):
                fault.seen += 1
                if fault.nth < fault.seen <= fault.nth + fault.times:
                    return fault
        return None

    def _reset(self, path: str | None, body: Any) -> None:
        if path:
            self._log(path, 0, body)
        self.close_connection = True
        self.connection.close()

    def _log(self, path: str, status: int, body: Any) -> None:
        self.arm.log.append(Request(self.command, path, status, body))

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        try:
            self.send_response(status)
            for key, value in (headers or {}).items():
                self.send_header(key, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        pass
