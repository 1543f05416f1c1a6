"""Which cluster a command means, and its API."""

from __future__ import annotations

import base64
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelops_runtime.contracts.errors import UserError
from mops.cluster.errors import Forbidden, translated_errors

if TYPE_CHECKING:
    from kubernetes import client

    from mops.cluster.azure import DatabaseBinding

_REQUEST_TIMEOUT_S = (10, 60)
"""To connect, and between two bytes."""

MADE_BY_MOPS = {"app.kubernetes.io/managed-by": "mops"}
"""Labels of what these commands make beside the releases."""

POD_SECURITY = {"pod-security.kubernetes.io/enforce": "restricted"}


_CHOOSE_ANOTHER = "set KUBECONFIG, or give --kubeconfig and --context"


@dataclass(frozen=True)
class Access:
    """A kubeconfig (None: KUBECONFIG, ~/.kube/config) and a context in it (None: the current one)."""

    kubeconfig: Path | None = None
    context: str | None = None
    registry: str | None = None
    """The default registry of our images; None: the charts'."""
    flags: str = ""
    """The options that chose it, such as ` --infra azure`; added to each command shown to the user."""
    database: Callable[[], DatabaseBinding | None] | None = None
    """Asks for the server, if it is there, on which runs with `central_store: {mode: managed}` get their databases."""

    def api(self) -> client.ApiClient:
        """A separate client with a valid configuration."""
        from kubernetes import config

        with self._readable() as files:
            return config.new_client_from_config(config_file=files, context=self.context)

    def check(self) -> None:
        """Check that the kubeconfig is readable and has the context, without a request. Raises UserError."""
        from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger

        with self._readable() as files:
            KubeConfigLoader(KubeConfigMerger(files).config, active_context=self.context)

    @contextmanager
    def _readable(self) -> Iterator[str]:
        """The files to read, as KUBECONFIG lists them; errors in them become UserError."""
        import yaml

        silence_libraries()
        if self.kubeconfig is not None and not self.kubeconfig.is_file():
            raise UserError(f"{self.kubeconfig}: there is no such file; --kubeconfig is a file that kubectl takes")
        files = str(self.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config")
        if not any(Path(one).expanduser().exists() for one in files.split(os.pathsep) if one):
            raise UserError(f"{files}: there is no such file; {_CHOOSE_ANOTHER}")
        try:
            with translated_errors("reading the kubeconfig"):
                yield files
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f"{mark.name}:{mark.line + 1}:{mark.column + 1}" if mark else files
            raise UserError(
                f"{where}: this is not YAML: {error.problem or error.context}; {_CHOOSE_ANOTHER}"
            ) from error
        except OSError as error:
            raise UserError(f"{error.filename or files}: {error.strerror or error}; {_CHOOSE_ANOTHER}") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise UserError(f"{files}: this is not YAML in UTF-8; {_CHOOSE_ANOTHER}") from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:  # the client does not check its form
            raise UserError(f"{files}: this is no kubeconfig; {_CHOOSE_ANOTHER}") from error


def silence_libraries() -> None:
    """Stop libraries from logging to the terminal; our own messages are enough."""
    logging.getLogger().addHandler(logging.NullHandler())


class Kube:
    """The part of the Kubernetes API that we need."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._api = access.api()

    @cached_property
    def core(self) -> client.CoreV1Api:
        from kubernetes import client

        return client.CoreV1Api(self._api)

    @cached_property
    def apps(self) -> client.AppsV1Api:
        from kubernetes import client

        return client.AppsV1Api(self._api)

    @cached_property
    def batch(self) -> client.BatchV1Api:
        from kubernetes import client

        return client.BatchV1Api(self._api)

    def read_or_none(self, read: Callable[..., Any], *args: Any) -> Any | None:
        """What `read` returns, or None if the answer is "not found"."""
        from kubernetes.client import ApiException

        with translated_errors(f"looking at {'/'.join(args)}"):
            try:
                return read(*args, _request_timeout=_REQUEST_TIMEOUT_S)
            except ApiException as error:
                if error.status == 404:
                    return None
                raise

    def ensure_namespace(self, name: str, labels: Mapping[str, str]) -> bool:
        """Create it with these labels, under Pod Security "restricted", or add missing labels. True if it was created."""
        try:
            there = self.read_or_none(self.core.read_namespace, name)
        except Forbidden:  # a user with rights in one namespace only may not read namespaces: it exists
            return False
        if there is None:
            metadata = {"name": name, "labels": {**MADE_BY_MOPS, **POD_SECURITY, **labels}}
            with translated_errors(f"making namespace {name}"):
                self.core.create_namespace({"metadata": metadata})  # pyright: ignore[reportArgumentType]
            return True
        if there.status and there.status.phase == "Terminating":
            raise UserError(f"namespace {name} is being deleted; run the same command again when it is gone")
        missing = {key: value for key, value in labels.items() if (there.metadata.labels or {}).get(key) != value}
        if missing:
            with translated_errors(f"labelling namespace {name}"):
                self.core.patch_namespace(name, {"metadata": {"labels": missing}})
        return False

    def has_namespace(self, name: str) -> bool:
        """Whether it exists, as far as we may see."""
        try:
            return self.read_or_none(self.core.read_namespace, name) is not None
        except Forbidden:
            return True

    def is_made_by_mops(self, namespace: str) -> bool:
        """Whether these commands created the namespace."""
        try:
            there = self.read_or_none(self.core.read_namespace, namespace)
        except Forbidden:
            return False
        key, value = next(iter(MADE_BY_MOPS.items()))
        return there is not None and (there.metadata.labels or {}).get(key) == value

    def delete_namespace(self, name: str) -> None:
        with translated_errors(f"deleting namespace {name}"):
            self.core.delete_namespace(name)

    def secret(self, namespace: str, name: str) -> dict[str, bytes] | None:
        """A Secret's data, or None if there is none."""
        there = self.read_or_none(self.core.read_namespaced_secret, name, namespace)
        return None if there is None else {key: base64.b64decode(text) for key, text in (there.data or {}).items()}

    def write_secret(
        self,
        namespace: str,
        name: str,
        kind: str,
        data: Mapping[str, bytes],
        labels: Mapping[str, str],
        metadata: Mapping[str, Any] | None = None,
        *,
        replace: bool = True,
    ) -> None:
        """Create it or replace its data. `metadata`: such as annotations.

        Raises ClusterError if it exists and `replace` is False.
        """
        body: Any = {
            "metadata": {"name": name, "labels": {**MADE_BY_MOPS, **labels}, **(metadata or {})},
            "type": kind,
            "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
        }
        is_there = replace and self.read_or_none(self.core.read_namespaced_secret, name, namespace) is not None
        with translated_errors(f"writing Secret {namespace}/{name}"):
            if is_there:
                self.core.patch_namespaced_secret(name, namespace, body)
            else:
                self.core.create_namespaced_secret(namespace, body)
