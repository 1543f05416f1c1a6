"""The number of workers of a workspace, and the stored memory of the idle check, over the Kubernetes API.

It makes three requests with the standard library only, because the image of a scheduler has no client for it. Scaling through the
subresource `scale` leaves no owner of the field behind, so a later `helm upgrade` meets no conflict.
"""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelops_runtime.contracts.errors import ModelOpsError, Unreachable

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its token and the API server's CA."""

API_SERVER = "https://kubernetes.default.svc"

_MANAGER = "modelops-idle"
_TIMEOUT_S = 10.0


class Refused(ModelOpsError):
    """The Kubernetes API answered and refused."""


class ChangedMeanwhile(Refused):
    """The object has changed since it was read."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """One Deployment's scale and one ConfigMap. Every call raises Unreachable or Refused."""

    address: str
    """https://HOST:PORT"""
    token: str = field(repr=False)
    trust: ssl.SSLContext = field(repr=False)
    namespace: str
    deployment: str
    state: str
    """The name of the ConfigMap."""

    @classmethod
    def from_inside(
        cls, namespace: str, deployment: str, state: str, *, account: Path = ACCOUNT, address: str = API_SERVER
    ) -> Cluster:
        """The client of this pod's service account. Raises Refused if there is none."""
        try:
            token = (account / "token").read_text(encoding="utf-8").strip()
            trust = ssl.create_default_context(cafile=str(account / "ca.crt"))
        except OSError as error:
            raise Refused(f"this is no pod with a service account: {error}") from error
        return cls(
            address=address,
            token=token,
            trust=trust,
            namespace=namespace,
            deployment=deployment,
            state=state,
        )

    def replicas(self) -> int:
        """The requested number of workers."""
        return int(self._ask("GET", self._scale).get("spec", {}).get("replicas", 0))

    def scale(self, replicas: int) -> None:
        self._ask("PATCH", f"{self._scale}?fieldManager={_MANAGER}", {"spec": {"replicas": replicas}})

    def memory(self) -> tuple[dict[str, str], str]:
        """The ConfigMap's data, and its version for `remember`."""
        found = self._ask("GET", self._memory)
        return found.get("data") or {}, found["metadata"]["resourceVersion"]

    def remember(self, data: Mapping[str, str], version: str) -> None:
        """Store the data. Raises ChangedMeanwhile if the object no longer has that version."""
        body = {"metadata": {"resourceVersion": version}, "data": dict(data)}
        self._ask("PATCH", f"{self._memory}?fieldManager={_MANAGER}", body)

    @property
    def _scale(self) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{self.deployment}/scale"

    @property
    def _memory(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/configmaps/{self.state}"

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(
            self.address + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/merge-patch+json"},
        )
        # No proxy: the API server is inside the cluster.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.trust)
        )
        try:
            with opener.open(request, timeout=_TIMEOUT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            kind = ChangedMeanwhile if error.code == http.client.CONFLICT else Refused
            raise kind(f"{method} {path}: {_message(error)}") from error
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"the API server does not answer at {self.address} ({error})") from error


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.code} {error.reason}"
