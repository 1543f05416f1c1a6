"""HTTP over TLS: sign-in, faults, the log; all else is the server's."""

from __future__ import annotations

import json
import re
import time
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.azure import arm_shapes as shapes

if TYPE_CHECKING:
    from tests.azure.arm_server import ArmServer


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
    query: str


class Handler(BaseHTTPRequestHandler):
    arm: ArmServer
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if match := re.fullmatch(r"/([^/]+)/(v2\.0/\.well-known/openid-configuration|oauth2/v2\.0/token)", parts.path):
            if match[2].startswith("v2.0"):
                return self._answer(200, self.arm.openid(match[1]))
            return self._answer(*self.arm.token(parse_qs(raw.decode())))
        if parts.path == "/msi/token":
            return self._answer(*self.arm.machine_token(parse_qs(parts.query), self.headers.get("X-IDENTITY-HEADER")))
        if parts.path.startswith("/api/retail/prices"):
            return self._answer(*self.arm.retail_prices(parse_qs(parts.query)))
        body = json.loads(raw) if raw else None
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if self.arm.tokens.get(token, 0) < time.time():
            self._log(parts.path, 401, None)
            return self._answer(401, shapes.error("ExpiredAuthenticationToken", "The access token expired."))
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
        self.arm.log.append(Request(self.command, path, status, body, urlsplit(self.path).query))

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
