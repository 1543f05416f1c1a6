"""The Job that makes a run's database on a managed server, or drops it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mops.cluster.jobs import one_off_job

COMPONENT = "managed-database"

CONNECTION = ("PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD")
"""The connection data of a Secret."""

_CA = "/etc/ledger-ca"


def connection_entries(
    host: str, port: int, database: str, user: str, password: str, ca: str | None
) -> dict[str, bytes]:
    """A Secret's content."""
    entries = dict(zip(CONNECTION, (host, str(port), database, user, password), strict=True))
    return {key: text.encode() for key, text in (entries | ({"ca.crt": ca} if ca else {})).items()}


def pod_from_worker(worker: Mapping[str, Any]) -> dict[str, Any]:
    """A pod like the workers', with their image, placement and restrictions, but without their volumes and variables."""
    pod = worker["spec"]["template"]["spec"]
    kept = ("imagePullSecrets", "securityContext", "nodeSelector", "tolerations", "affinity", "priorityClassName")
    container = pod["containers"][0]
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        **{key: pod[key] for key in kept if pod.get(key)},
        "containers": [
            {
                "name": "database",
                **{key: container[key] for key in ("image", "imagePullPolicy", "securityContext") if key in container},
                "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
            }
        ],
    }


def database_job(pod: Mapping[str, Any], what: str, name: str, *, has_ca: bool) -> dict[str, Any]:
    """`what` is make or drop; its input is in a Secret named like the Job, `name`."""
    given = (*CONNECTION, "MODELOPS_DATABASE", "MODELOPS_DATABASE_PASSWORD")
    container = {
        **pod["containers"][0],
        "command": ["python", "-m", "modelops_runtime.ledger.provision", what, f"--ledger-ca={_CA}/ca.crt"],
        "env": [{"name": key, "valueFrom": {"secretKeyRef": {"name": name, "key": key}}} for key in given],
    }
    volumes = []
    if has_ca:  # not optional: the pod waits for its Secret, which is created after the Job
        container["volumeMounts"] = [{"name": "ca", "mountPath": _CA, "readOnly": True}]
        items = [{"key": "ca.crt", "path": "ca.crt"}]
        volumes.append({"name": "ca", "secret": {"secretName": name, "defaultMode": 0o444, "items": items}})
    labels = {"app.kubernetes.io/component": COMPONENT}
    return one_off_job(name, labels, {**pod, "containers": [container], "volumes": volumes})
