"""A run's own database on a managed server, made and dropped by a Job: the server lets only the cluster in."""

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
from mops.adaptive.database_job import COMPONENT, connection, database_job, pod_like
from mops.adaptive.release_ref import RunRef
from mops.charts.adaptive_run import AdaptiveRunValues
from mops.cluster.access import Access, Kube
from mops.cluster.errors import ClusterError, said_plainly
from mops.cluster.jobs import ended_pod, made

if TYPE_CHECKING:
    from mops.cluster.azure import DatabaseBinding

Say = Callable[[str], None]

_INSTANCE, _COMPONENT = "app.kubernetes.io/instance", "app.kubernetes.io/component"
_STATE, _POD = "modelops.io/database", "modelops.io/pod"
"""Annotations of the run's Secret: `wanted` or `made`; and the pod that made it, which can drop it without a release."""

_DOES = "which sees to the run's database"


@dataclass(frozen=True, kw_only=True)
class RunDatabase:
    """A database of a run's own, by the Secret that says how to connect: its name is its only user's too."""

    secret: str
    name: str
    host: str
    port: int
    is_made: bool
    password: str = field(repr=False)
    pod: Mapping[str, Any] = field(repr=False)


def found(kube: Kube, ref: RunRef) -> RunDatabase | None:
    """The run's, where we made one or began to. Raises UserError for a Secret that somebody has spoiled."""
    selector = f"{_INSTANCE}={ref.release},{_COMPONENT}={COMPONENT}"
    with said_plainly(f"looking for the run's database in {ref.namespace}"):
        held: list[Any] = kube.core.list_namespaced_secret(ref.namespace, label_selector=selector).items
    return run_database(held[0].metadata.name, held[0].metadata.annotations, held[0].data) if held else None


def run_database(secret: str, annotations: Mapping[str, str] | None, data: Mapping[str, str] | None) -> RunDatabase:
    """From what a Secret holds, in base64. Raises UserError. Pure."""
    try:
        said = {
            key: b64decode(text, validate=True).decode() for key, text in (data or {}).items() if key.startswith("PG")
        }
        return RunDatabase(
            secret=secret,
            name=said["PGDATABASE"],
            host=said["PGHOST"],
            port=int(said["PGPORT"]),
            is_made=(annotations or {}).get(_STATE) == "made",
            password=said["PGPASSWORD"],
            pod=json.loads((annotations or {})[_POD]),
        )
    except (KeyError, ValueError):
        raise UserError(
            f"Secret {secret} was to say which database is the run's, and is spoiled; delete it, and drop the database by hand"
        ) from None


def server_for(access: Access, kube: Kube, ref: RunRef, values: AdaptiveRunValues) -> DatabaseBinding | None:
    """The server on which a database is still to be made for the run; None where there is nothing to make.

    Raises UserError where the spec's Secret cannot be the run's, or the server's admin is not known here.
    """
    secret = managed_secret(values)
    if not secret:
        return None
    mine = found(kube, ref)
    if mine is None and (there := kube.found(kube.core.read_namespaced_secret, secret, ref.namespace)) is not None:
        refuse_anothers(secret, there.metadata.labels or {})
        return None
    if mine is not None and mine.secret != secret:
        raise UserError(
            f"run {ref.run_id!r} has its database by Secret {mine.secret}; write existing_secret: {mine.secret}"
        )
    if (mine is not None and mine.is_made) or (mine is None and access.database is None):
        return None
    server = admin_of(access, ref, mine) if mine is not None else access.database() if access.database else None
    if server is None:
        raise UserError("the database server of the provider config is not there; `mops-azure create` makes it")
    return server


def managed_secret(values: AdaptiveRunValues) -> str:
    """Name of the Secret, where the values ask for a managed server; else empty. Pure."""
    store = values.central_store
    return store.existing_secret if store.mode == "managed" else ""


def refuse_anothers(secret: str, labels: Mapping[str, str]) -> None:
    """Raises UserError for the Secret of another run's database: that run would take it along. Pure."""
    if labels.get(_COMPONENT) == COMPONENT:
        raise UserError(f"Secret {secret} is of run {labels.get(_INSTANCE)!r}; write another existing_secret")


def make(
    kube: Kube,
    ref: RunRef,
    server: DatabaseBinding,
    secret: str,
    worker: Mapping[str, Any],
    *,
    timeout_s: float,
    say: Say,
) -> None:
    """The database, its user, and the run's `secret`, which says how to connect. Safe to run again after any stop.

    The Secret comes first: nothing is on the server of which it does not tell. `worker` is the Job of the run's workers,
    as the chart renders it: their image, and where it runs, are the Job's.
    """
    pod = pod_like(worker)
    mine = found(kube, ref)
    if mine is None:
        name, password = database_name(server.cluster, ref), secrets.token_urlsafe(32)
        said = connection(server.host, server.port, name, name, password, server.ca)
        labels = {_INSTANCE: ref.release, _COMPONENT: COMPONENT}
        annotations = {_STATE: "wanted", _POD: json.dumps(pod)}
        kube.write_secret(ref.namespace, secret, "Opaque", said, labels, {"annotations": annotations}, replace=False)
        mine = found(kube, ref)
    assert mine is not None
    say(f"database {mine.name} on {server.host}: being made")
    _by_job(kube, ref, server, "make", mine, pod, f"`{ref.up_command()}` goes on", timeout_s)
    with said_plainly(f"writing Secret {ref.namespace}/{secret}"):
        done = {"metadata": {"annotations": {_STATE: "made", _POD: json.dumps(pod)}}}
        kube.core.patch_namespaced_secret(mine.secret, ref.namespace, done)
    say(f"database {mine.name} on {server.host}: made")


def admin_of(access: Access, ref: RunRef, database: RunDatabase) -> DatabaseBinding | None:
    """The server that holds it, or None where the server is gone. Raises UserError where it is not for us to touch."""
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
    say: Say,
) -> None:
    """For good, with all that is in it. Safe to run again. `worker`: the Job of the run's workers, where it is known."""
    if server is None:
        say(f"database {database.name}: its server {database.host} is gone")
        return
    say(f"database {database.name} on {database.host}: being dropped")
    pod = database.pod if worker is None else pod_like(worker)
    again = f"`{ref.command('down')} --purge --discard` goes on"
    _by_job(kube, ref, server, "drop", database, pod, again, timeout_s)
    say(f"database {database.name} on {database.host}: gone")


def with_way(
    kube: Kube, ref: RunRef, values: AdaptiveRunValues, resolve: Callable[[str], set[str]]
) -> AdaptiveRunValues:
    """`values`, with what lets the run's pods through to its database. Policies know addresses alone: `resolve` gives a host's.

    Addresses that are given already stay. Raises ClusterError for a host that has none.
    """
    secret = managed_secret(values)
    mine = found(kube, ref) if secret and not values.central_store.cidrs else None
    if mine is None or mine.secret != secret:
        return values
    store = values.central_store.model_copy(
        update={"cidrs": networks_of(mine.host, resolve(mine.host)), "port": mine.port}
    )
    return values.model_copy(update={"central_store": store})


def networks_of(host: str, addresses: set[str]) -> list[str]:
    """Each address as a network of one. Raises ClusterError where there is none. Pure."""
    if not addresses:
        what = f"no address is known of {host}, the run's database server"
        raise ClusterError(what, "give them by --values with centralStore: {cidrs: [203.0.113.7/32]}")
    return [str(ipaddress.ip_network(address)) for address in sorted(addresses)]


def addresses_of(host: str) -> set[str]:
    """As this machine's resolver says; empty where it knows none."""
    try:
        return {str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return set()


def database_name(cluster: str, ref: RunRef) -> str:
    """The same for the same run at any time; another for each other cluster, namespace and run. Pure."""
    whole = "/".join((cluster, ref.namespace, ref.release))
    return f"{ref.release.replace('-', '_')}_{blake2b(whole.encode(), digest_size=4).hexdigest()}"


def _by_job(
    kube: Kube,
    ref: RunRef,
    server: DatabaseBinding,
    what: str,
    database: RunDatabase,
    pod: Mapping[str, Any],
    again: str,
    timeout_s: float,
) -> None:
    """The admin's password is in the cluster for as long as the Job: the Secret is the Job's, and goes with it."""
    name = f"{ref.release}-database-{uuid.uuid4().hex[:6]}"
    said = connection(server.host, server.port, server.database, server.admin, server.password, server.ca)
    said |= {"MODELOPS_DATABASE": database.name.encode(), "MODELOPS_DATABASE_PASSWORD": database.password.encode()}
    then = f"the admin's password is the one that postgres names in the provider config; {again}"
    with made(kube, ref.namespace, database_job(pod, what, name, has_ca=server.ca is not None), _DOES) as uid:
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid}
        kube.write_secret(ref.namespace, name, "Opaque", said, {}, {"ownerReferences": [owner]}, replace=False)
        ended_pod(kube, ref.namespace, name, _DOES, then, timeout_s=timeout_s)
