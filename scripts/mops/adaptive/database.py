"""A run's own database on a managed server, made and dropped by a Job: the server lets only the cluster in."""

from __future__ import annotations

import ipaddress
import json
import secrets
import socket
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from modelops_runtime.contracts.errors import UserError
from mops.adaptive.place import Place
from mops.kube.access import Access, Kube
from mops.kube.errors import ClusterError, said_plainly
from mops.kube.jobs import ended_pod, made, once
from mops.kube.values import Values

if TYPE_CHECKING:
    from mops_azure.bindings import DatabaseBinding

Say = Callable[[str], None]

COMPONENT = "managed-database"
_POD = "modelops.io/pod"
"""Annotation of the run's Secret: the pod that made its database can still drop it when the release is gone."""

_DOES = "which sees to the run's database"
_CA = "/etc/ledger-ca"


@dataclass(frozen=True, kw_only=True)
class RunDatabase:
    """A database that was made for a run: its name is its only user's too."""

    secret: str
    """Name of the run's Secret."""
    name: str
    host: str
    port: int
    pod: Mapping[str, Any] = field(repr=False)


def found(kube: Kube, place: Place) -> RunDatabase | None:
    """The run's, where we made one."""
    selector = f"app.kubernetes.io/instance={place.release},app.kubernetes.io/component={COMPONENT}"
    with said_plainly(f"looking for the run's database in {place.namespace}"):
        held: list[Any] = kube.core.list_namespaced_secret(place.namespace, label_selector=selector).items
    for one in held:
        said = kube.secret(place.namespace, one.metadata.name) or {}
        return RunDatabase(
            secret=one.metadata.name,
            name=said["PGDATABASE"].decode(),
            host=said["PGHOST"].decode(),
            port=int(said["PGPORT"]),
            pod=json.loads(one.metadata.annotations[_POD]),
        )
    return None


def server_for(access: Access, kube: Kube, place: Place, values: Values) -> DatabaseBinding | None:
    """The server on which a database is still to be made for the run; None where there is nothing to make, or none can be.

    Raises UserError when it is not there, or its admin's password is not given.
    """
    store = values.get("centralStore") or {}
    if store.get("mode") != "managed" or access.database is None or not store.get("existingSecret"):
        return None
    return None if kube.secret(place.namespace, store["existingSecret"]) is not None else access.database()


def make(kube: Kube, place: Place, server: DatabaseBinding, secret: str, worker: Mapping[str, Any], say: Say) -> None:
    """The database, its user, and then the run's `secret`, which says how to connect. Safe to run again after any stop.

    `worker` is the Job of the run's workers, as the chart renders it: their image, and where it runs, are the Job's.
    """
    name, password, pod = database_name(server.cluster, place), secrets.token_urlsafe(32), pod_like(worker)
    _by_job(kube, place, server, pod, "make", name, password)
    said = {
        "PGHOST": server.host,
        "PGPORT": str(server.port),
        "PGDATABASE": name,
        "PGUSER": name,
        "PGPASSWORD": password,
    }
    said |= {"ca.crt": server.ca} if server.ca else {}
    labels = {"app.kubernetes.io/instance": place.release, "app.kubernetes.io/component": COMPONENT}
    metadata = {"annotations": {_POD: json.dumps(pod)}}
    kube.write_secret(place.namespace, secret, "Opaque", _encoded(said), labels, metadata)
    say(f"database {name} on {server.host}: made")


def server_of(access: Access, place: Place, database: RunDatabase) -> DatabaseBinding:
    """The server that holds it. Raises UserError where nobody here is its admin."""
    where = f"run {place.run_id!r} has database {database.name} on {database.host}"
    if access.database is None:
        raise UserError(f"{where}, which its admin alone can drop; give --infra azure, or leave --purge out")
    server = access.database()
    if server.host != database.host:
        raise UserError(f"{where}, and the provider config's server is {server.host}; give the --config that it is of")
    return server


def drop(kube: Kube, place: Place, server: DatabaseBinding, database: RunDatabase, say: Say) -> None:
    """For good, with all that is in it. Safe to run again."""
    _by_job(kube, place, server, database.pod, "drop", database.name, "")
    say(f"database {database.name} on {database.host}: gone")


def opened(database: RunDatabase, resolve: Callable[[str], set[str]]) -> Values:
    """What lets the run's pods through to the server. Policies know addresses alone: `resolve` gives those of a host.

    Raises ClusterError for a host that has none.
    """
    addresses = sorted(resolve(database.host))
    if not addresses:
        raise ClusterError(f"no address is known of {database.host}, the run's database server", "is it still there?")
    cidrs = [str(ipaddress.ip_network(address)) for address in addresses]
    return {"centralStore": {"cidrs": cidrs, "port": database.port}}


def addresses_of(host: str) -> set[str]:
    """As this machine's resolver says; empty where it knows none."""
    try:
        return {str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return set()


def database_name(cluster: str, place: Place) -> str:
    """The same for the same run at any time; another for each other cluster, namespace and run. Pure."""
    whole = "/".join((cluster, place.namespace, place.release))
    return f"{place.release.replace('-', '_')}_{blake2b(whole.encode(), digest_size=4).hexdigest()}"


def pod_like(worker: Mapping[str, Any]) -> dict[str, Any]:
    """A pod of the workers' image where they run, as restricted as they are, without what they need for their work. Pure."""
    pod = worker["spec"]["template"]["spec"]
    kept = ("imagePullSecrets", "securityContext", "nodeSelector", "tolerations", "affinity", "priorityClassName")
    container = pod["containers"][0]
    resources = {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}}
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        **{key: pod[key] for key in kept if pod.get(key)},
        "containers": [
            {
                "name": "database",
                **{key: container[key] for key in ("image", "imagePullPolicy", "securityContext") if key in container},
                "resources": resources,
            }
        ],
    }


def database_job(pod: Mapping[str, Any], what: str, name: str) -> dict[str, Any]:
    """`what` is make or drop; the Secret that it reads has the Job's own `name`. Pure."""
    given = (
        "PGHOST",
        "PGPORT",
        "PGDATABASE",
        "PGUSER",
        "PGPASSWORD",
        "MODELOPS_DATABASE",
        "MODELOPS_DATABASE_PASSWORD",
    )
    container = {
        **pod["containers"][0],
        "command": ["python", "-m", "modelops_runtime.ledger.provision", what, f"--ledger-ca={_CA}/ca.crt"],
        "env": [{"name": key, "valueFrom": {"secretKeyRef": {"name": name, "key": key}}} for key in given],
        "volumeMounts": [{"name": "ca", "mountPath": _CA, "readOnly": True}],
    }
    items = [{"key": "ca.crt", "path": "ca.crt"}]
    ca = {"name": "ca", "secret": {"secretName": name, "optional": True, "defaultMode": 0o444, "items": items}}
    return once(name, {"app.kubernetes.io/component": COMPONENT}, {**pod, "containers": [container], "volumes": [ca]})


def _by_job(
    kube: Kube, place: Place, server: DatabaseBinding, pod: Mapping[str, Any], what: str, database: str, password: str
) -> None:
    """The admin's password is in the cluster for as long as the Job: the Secret is the Job's, and goes with it."""
    name = f"{place.release}-database-{uuid.uuid4().hex[:6]}"
    said = {
        "PGHOST": server.host,
        "PGPORT": str(server.port),
        "PGDATABASE": server.database,
        "PGUSER": server.admin,
        "PGPASSWORD": server.password,
        "MODELOPS_DATABASE": database,
        "MODELOPS_DATABASE_PASSWORD": password,
        **({"ca.crt": server.ca} if server.ca else {}),
    }
    with made(kube, place.namespace, database_job(pod, what, name), _DOES) as uid:
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid}
        kube.write_secret(place.namespace, name, "Opaque", _encoded(said), {}, {"ownerReferences": [owner]})
        ended_pod(kube, place.namespace, name, _DOES, "`mops-azure status` shows the server; the same command goes on")


def _encoded(said: Mapping[str, str]) -> dict[str, bytes]:
    return {key: value.encode() for key, value in said.items()}
