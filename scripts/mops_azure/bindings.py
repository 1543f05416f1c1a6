"""Bindings that the infra plane gives the others: frozen, in memory, read from Azure each time."""

from __future__ import annotations

import base64
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from modelops_runtime.contracts.errors import UserError
from mops_azure.config import AzureConfig
from mops_azure.connect import connect
from mops_azure.kubeconfig import missing_program, signing_in
from mops_azure.resources import postgres
from mops_azure.resources.cluster import CLUSTERS, cluster_id, power_of
from mops_azure.resources.registry import REGISTRIES, registry_id

if TYPE_CHECKING:
    from mops_azure.transport import ArmClient, Reply


@dataclass(frozen=True, kw_only=True)
class RegistryBinding:
    """The registry of images and bundles."""

    login_server: str
    requires_auth: bool = True


@dataclass(frozen=True, kw_only=True)
class ClusterBinding:
    """How to reach a cluster."""

    kubeconfig: str = field(repr=False)
    """YAML with credentials: keep it in memory or in a file of mode 0600."""
    acr_login_server: str | None = None
    cluster_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class DatabaseBinding:
    """The managed database and its admin, who makes each run's own database on the server."""

    host: str
    port: int
    database: str
    """The database to which the admin connects."""
    admin: str
    password: str = field(repr=False)
    cluster: str
    """The owner of the runs, since several clusters may share the server."""
    ca: str | None = None
    """PEM; None: the server's certificate is from a public CA."""


def cluster_binding(config: AzureConfig, arm: ArmClient | None = None) -> ClusterBinding:
    """Signs in unless `arm` is given, and asks Azure; all that `mops workspace up --infra azure` needs of this plane.
    Raises UserError if there is no such cluster, it is stopped, or the program that signs in to it is missing;
    SignInFailed, AzureError, AzureUnreachable."""
    arm = arm or connect(config)
    cluster = arm.get(cluster_id(config), CLUSTERS, "reading the cluster")
    if power_of(cluster) == "Stopped":
        raise UserError(f"cluster {config.aks.name} is stopped; `mops-azure start` starts it")
    kubeconfig = fetch_kubeconfig(arm, config)
    if program := missing_program(kubeconfig):
        raise UserError(
            f"cluster {config.aks.name} is reached by {program}, which is not there; `az aks install-cli` installs it"
        )
    registry = fetch_registry(arm, config)
    return ClusterBinding(
        kubeconfig=kubeconfig,
        acr_login_server=registry.login_server if registry else None,
        cluster_name=config.aks.name,
    )


def registry_binding(config: AzureConfig, arm: ArmClient | None = None) -> RegistryBinding | None:
    """None if the config has none, or it does not exist."""
    return fetch_registry(arm or connect(config), config)


def database_binding(config: AzureConfig, arm: ArmClient | None = None) -> DatabaseBinding | None:
    """None if it does not exist. Raises UserError if the config has none, it is not ready, or its password is missing."""
    spec = postgres.spec(config)
    if not spec.enabled:
        raise UserError("postgres.enabled is false in the provider config; write postgres: {enabled: true}")
    server = (arm or connect(config)).get(postgres.server_id(config), postgres.POSTGRES, "reading the database server")
    if server is None:
        return None
    host = server["properties"].get("fullyQualifiedDomainName")
    if not host:
        raise UserError(
            f"database server {postgres.server_name(config)} is not ready yet; `mops-azure status --watch` waits for it"
        )
    return DatabaseBinding(
        host=host,
        port=5432,
        database=spec.database,
        admin=server["properties"]["administratorLogin"],
        password=postgres.admin_password(spec),
        cluster=config.aks.name,
        ca=postgres.ca_certificate(spec),
    )


@contextmanager
def kubeconfig_file(binding: ClusterBinding) -> Iterator[Path]:
    """A temporary file of mode 0600; removed afterwards, also when the process is asked to end."""
    with (
        ended_in_order(),
        tempfile.NamedTemporaryFile("w", prefix="modelops-", suffix=".yaml") as file,
    ):  # made with mode 0600
        file.write(binding.kubeconfig)
        file.flush()
        yield Path(file.name)


@contextmanager
def ended_in_order() -> Iterator[None]:
    """SIGTERM and SIGHUP, which end a process at once, raise SystemExit in the block (in the main thread)."""
    is_main = threading.current_thread() is threading.main_thread()
    taken = [one for one in (signal.SIGTERM, signal.SIGHUP) if is_main and signal.getsignal(one) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def fetch_kubeconfig(arm: ArmClient, config: AzureConfig) -> str:
    """YAML. Raises UserError when there is no such cluster."""
    from mops_azure.transport import is_there, with_patience

    listing = arm.clusters.managed_clusters.list_cluster_user_credentials

    def fetch() -> Reply:
        # `exec`: for a cluster with Entra sign-in, the form that current versions of kubectl accept; no effect on others.
        names = (config.group_name, config.aks.name)
        return arm.call("fetching the kubeconfig", listing, *names, format="exec", accept=(404,))

    reply = with_patience(fetch, ("Throttled", "TooManyRequests"), for_s=60)  # a POST, which the SDK does not retry
    if not is_there(cluster_id(config), reply, "fetching the kubeconfig"):
        raise UserError(f"there is no cluster {config.aks.name} in {config.group_name}; `mops-azure create` makes it")
    return signing_in(base64.b64decode(reply.body["kubeconfigs"][0]["value"]).decode(), config.auth)


def fetch_registry(arm: ArmClient, config: AzureConfig) -> RegistryBinding | None:
    """None if the config has none, or it does not exist."""
    if not config.acr.enabled:
        return None
    found = arm.get(registry_id(config), REGISTRIES, "reading the registry")
    return RegistryBinding(login_server=found["properties"]["loginServer"]) if found else None
