"""A run's database on a managed server, created and dropped by a Job, since only the cluster may reach the server."""

from __future__ import annotations

import ipaddress
import json
import secrets
import socket
import uuid
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from modelops_runtime.contracts.errors import UserError
from mops.adaptive.database_job import COMPONENT, connection_entries, database_job, pod_from_worker
from mops.adaptive.release_ref import RunRef
from mops.charts.adaptive_run import AdaptiveRunValues
from mops.cluster.access import Access, Kube
from mops.cluster.errors import ClusterError, translated_errors
from mops.cluster.jobs import running_job, wait_for_success
from mops.terminal.notify import Notify

if TYPE_CHECKING:
    from mops.cluster.azure import DatabaseBinding

_INSTANCE, _COMPONENT = "app.kubernetes.io/instance", "app.kubernetes.io/component"
_STATE, _POD = "modelops.io/database", "modelops.io/pod"
"""Annotations of the run's Secret: `wanted` or `made`; and the pod that created it, which can drop it without a release."""

_PURPOSE = "which sees to the run's database"


@dataclass(frozen=True, kw_only=True)
class RunDatabase:
    """A run's database, as described by its Secret; its only user has the same name."""

    secret: str
    name: str
    host: str
    port: int
    is_created: bool
    password: str = field(repr=False)
    pod: Mapping[str, Any] = field(repr=False)


def find_database(kube: Kube, ref: RunRef) -> RunDatabase | None:
    """The run's database, if we created one or began to. Raises UserError for a damaged Secret."""
    selector = f"{_INSTANCE}={ref.release},{_COMPONENT}={COMPONENT}"
    with translated_errors(f"looking for the run's database in {ref.namespace}"):
        secrets_there: list[Any] = kube.core.list_namespaced_secret(ref.namespace, label_selector=selector).items
    return next((run_database(one.metadata.name, one.metadata.annotations, one.data) for one in secrets_there), None)


def run_database(secret: str, annotations: Mapping[str, str] | None, data: Mapping[str, str] | None) -> RunDatabase:
    """From what a Secret holds, in base64. Raises UserError. Pure."""
    try:
        entries = {
            key: b64decode(text, validate=True).decode() for key, text in (data or {}).items() if key.startswith("PG")
        }
        return RunDatabase(
            secret=secret,
            name=entries["PGDATABASE"],
            host=entries["PGHOST"],
            port=int(entries["PGPORT"]),
            is_created=(annotations or {}).get(_STATE) == "made",
            password=entries["PGPASSWORD"],
            pod=json.loads((annotations or {})[_POD]),
        )
    except (KeyError, ValueError):
        raise UserError(
            f"Secret {secret} was to say which database is the run's, and is spoiled; delete it, and drop the database by hand"
        ) from None


def server_to_create_on(access: Access, kube: Kube, ref: RunRef, values: AdaptiveRunValues) -> DatabaseBinding | None:
    """The server on which the run's database must still be created; None if there is nothing to create.

    Raises UserError if the spec's Secret belongs to another run, or the server's admin is unknown here.
    """
    secret = managed_secret(values)
    if not secret:
        return None
    existing = find_database(kube, ref)
    if (
        existing is None
        and (there := kube.read_or_none(kube.core.read_namespaced_secret, secret, ref.namespace)) is not None
    ):
        refuse_another_runs_secret(secret, there.metadata.labels or {})
        return None
    if existing is not None and existing.secret != secret:
        raise UserError(
            f"run {ref.run_id!r} has its database by Secret {existing.secret}; write existing_secret: {existing.secret}"
        )
    if (existing is not None and existing.is_created) or (existing is None and access.database is None):
        return None
    server = (
        admin_server(access, ref, existing) if existing is not None else access.database() if access.database else None
    )
    if server is None:
        raise UserError("the database server of the provider config is not there; `mops-azure create` makes it")
    return server


def managed_secret(values: AdaptiveRunValues) -> str:
    """Name of the Secret if the values ask for a managed server, else empty. Pure."""
    store = values.central_store
    return store.existing_secret if store.mode == "managed" else ""


def refuse_another_runs_secret(secret: str, labels: Mapping[str, str]) -> None:
    """Raises UserError for the Secret of another run's database, which that run would delete. Pure."""
    if labels.get(_COMPONENT) == COMPONENT:
        raise UserError(f"Secret {secret} is of run {labels.get(_INSTANCE)!r}; write another existing_secret")


def create(
    kube: Kube,
    ref: RunRef,
    server: DatabaseBinding,
    secret: str,
    worker: Mapping[str, Any],
    *,
    timeout_s: float,
    notify: Notify,
) -> None:
    """Create the database, its user, and the run's `secret` for connections. Safe to run again after any stop.

    The Secret comes first, so that it names everything on the server. `worker` is the Job of the run's workers,
    as the chart renders it: their image, and where it runs, are the Job's.
    """
    pod = pod_from_worker(worker)
    existing = find_database(kube, ref)
    if existing is None:
        name, password = database_name(server.cluster, ref), secrets.token_urlsafe(32)
        entries = connection_entries(server.host, server.port, name, name, password, server.ca)
        labels = {_INSTANCE: ref.release, _COMPONENT: COMPONENT}
        annotations = {_STATE: "wanted", _POD: json.dumps(pod)}
        kube.write_secret(ref.namespace, secret, "Opaque", entries, labels, {"annotations": annotations}, replace=False)
        existing = find_database(kube, ref)
    assert existing is not None
    notify(f"database {existing.name} on {server.host}: being made")
    _run_job(kube, ref, server, "make", existing, pod, f"`{ref.up_command()}` goes on", timeout_s)
    with translated_errors(f"writing Secret {ref.namespace}/{secret}"):
        done = {"metadata": {"annotations": {_STATE: "made", _POD: json.dumps(pod)}}}
        kube.core.patch_namespaced_secret(existing.secret, ref.namespace, done)
    notify(f"database {existing.name} on {server.host}: made")


def admin_server(access: Access, ref: RunRef, database: RunDatabase) -> DatabaseBinding | None:
    """The server that holds it, or None if the server is gone. Raises UserError if it is not ours."""
    where = f"run {ref.run_id!r} has database {database.name} on {database.host}"
    if access.database is None:
        raise UserError(f"{where}, which needs the server's admin; give --infra azure")
    server = access.database()
    if server is not None and server.host != database.host:
        raise UserError(f"{where}, and the provider config's server is {server.host}; give the --config that it is of")
    if server is not None and database.name != database_name(server.cluster, ref):
        raise UserError(f"{where}, which is none of this run on this cluster; correct Secret {database.secret}")
    return server


def drop(
    kube: Kube,
    ref: RunRef,
    server: DatabaseBinding | None,
    database: RunDatabase,
    worker: Mapping[str, Any] | None,
    *,
    timeout_s: float,
    notify: Notify,
) -> None:
    """Drop the database with its contents. Safe to run again. `worker`: the Job of the run's workers, if known."""
    if server is None:
        notify(f"database {database.name}: its server {database.host} is gone")
        return
    notify(f"database {database.name} on {database.host}: being dropped")
    pod = database.pod if worker is None else pod_from_worker(worker)
    again = f"`{ref.command('down')} --purge --discard` goes on"
    _run_job(kube, ref, server, "drop", database, pod, again, timeout_s)
    notify(f"database {database.name} on {database.host}: gone")


def with_addresses(
    kube: Kube, ref: RunRef, values: AdaptiveRunValues, resolve: Callable[[str], set[str]]
) -> AdaptiveRunValues:
    """`values` that let the run's pods reach its database. Policies take only addresses: `resolve` gives those of a host.

    Addresses that are given already stay. Raises ClusterError for a host that has none.
    """
    secret = managed_secret(values)
    existing = find_database(kube, ref) if secret and not values.central_store.cidrs else None
    if existing is None or existing.secret != secret:
        return values
    store = values.central_store.model_copy(
        update={"cidrs": networks_of(existing.host, resolve(existing.host)), "port": existing.port}
    )
    return values.model_copy(update={"central_store": store})


def networks_of(host: str, addresses: set[str]) -> list[str]:
    """Each address as a network of one. Raises ClusterError where there is none. Pure."""
    if not addresses:
        what = f"no address is known of {host}, the run's database server"
        raise ClusterError(what, "give them by --values with centralStore: {cidrs: [203.0.113.7/32]}")
    return [str(ipaddress.ip_network(address)) for address in sorted(addresses)]


def addresses_of(host: str) -> set[str]:
    """Addresses by this machine's resolver; empty if it knows none."""
    try:
        return {str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return set()


def database_name(cluster: str, ref: RunRef) -> str:
    """A stable name, unique for cluster, namespace and run. Pure."""
    whole = "/".join((cluster, ref.namespace, ref.release))
    return f"{ref.release.replace('-', '_')}_{blake2b(whole.encode(), digest_size=4).hexdigest()}"


def _run_job(
    kube: Kube,
    ref: RunRef,
    server: DatabaseBinding,
    what: str,
    database: RunDatabase,
    pod: Mapping[str, Any],
    again: str,
    timeout_s: float,
) -> None:
    """The admin's password is in the cluster only during the Job, whose Secret is deleted with it."""
    name = f"{ref.release}-database-{uuid.uuid4().hex[:6]}"
    entries = connection_entries(server.host, server.port, server.database, server.admin, server.password, server.ca)
    entries |= {"MODELOPS_DATABASE": database.name.encode(), "MODELOPS_DATABASE_PASSWORD": database.password.encode()}
    next_step = f"the admin's password is the one that postgres names in the provider config; {again}"
    with running_job(kube, ref.namespace, database_job(pod, what, name, has_ca=server.ca is not None), _PURPOSE) as uid:
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid}
        kube.write_secret(ref.namespace, name, "Opaque", entries, {}, {"ownerReferences": [owner]}, replace=False)
        wait_for_success(kube, ref.namespace, name, _PURPOSE, next_step, timeout_s=timeout_s)
