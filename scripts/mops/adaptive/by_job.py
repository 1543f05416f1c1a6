"""What a run has found, sent by a Job through its pod's log: for who cannot reach the run's Postgres from here.

Not by exec: that needs a right of its own, as dangerous as the one to forward ports. Who may read the logs can have this.
"""

from __future__ import annotations

import contextlib
import copy
import time
import uuid
from collections.abc import Mapping
from typing import Any

from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.results.through_log import received
from mops.adaptive.place import ClusterRun
from mops.kube.access import Kube
from mops.kube.errors import ClusterError, said_plainly
from mops.kube.pods import PodState, failure, pods_of

COMPONENT = "export"

_DEADLINE_S = 900
"""For the pod to be scheduled, to reach Postgres and to write; Kubernetes ends it then, and so do we."""

_KEPT_S = 600
"""An ended Job that we could not delete goes by itself."""

_HOPELESS_S = 30.0
_REREAD_S = 10.0
"""The end of a log may come a moment after the pod's."""


def brought(kube: Kube, run: ClusterRun, what: str) -> Mapping[str, bytes]:
    """The files of `what` (parquet, csv, optuna, summary) by name; none while there is no ledger.

    Raises ClusterError, with the pod's last words, for a Job that cannot do it, LedgerError for a log that is cut off.
    """
    place = run.place
    job = send_job(run, what, f"{place.release}-send-{uuid.uuid4().hex[:6]}")
    name = job["metadata"]["name"]
    with said_plainly(f"making job {place.namespace}/{name}, which sends the results"):
        kube.batch.create_namespaced_job(place.namespace, job)  # pyright: ignore[reportArgumentType]
    try:
        return _read(kube, place.namespace, _ended_pod(kube, run, name).name)
    finally:
        with contextlib.suppress(ClusterError), said_plainly(f"deleting job {place.namespace}/{name}"):
            kube.batch.delete_namespaced_job(name, place.namespace, propagation_policy="Background")


def send_job(run: ClusterRun, what: str, name: str) -> dict[str, Any]:
    """The run's own worker with another command: same image, rights, Secrets, and way to Postgres. Pure."""
    worker = next(
        one
        for one in run.release.resources
        if one["kind"] == "Job" and one["metadata"]["labels"]["app.kubernetes.io/component"] == "worker"
    )
    template = copy.deepcopy(worker["spec"]["template"])
    labels = {**template["metadata"]["labels"], "app.kubernetes.io/component": COMPONENT}
    labels.pop("modelops.io/dask-client", None)
    container = template["spec"]["containers"][0]
    ledger = [arg for arg in container["args"] if arg.startswith("--ledger")]
    container |= {
        "name": "send",
        "command": ["python", "-m", "modelops_runtime.results.send"],
        "args": [f"--run-id={run.place.run_id}", f"--what={what}", *ledger],
        "ports": [],
        "resources": {**container["resources"], "requests": {"cpu": "50m", "memory": "256Mi"}},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": {**labels, "app.kubernetes.io/managed-by": "mops"}},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": _DEADLINE_S,
            "ttlSecondsAfterFinished": _KEPT_S,
            "template": {"metadata": {"labels": labels}, "spec": template["spec"]},
        },
    }


def _ended_pod(kube: Kube, run: ClusterRun, job: str) -> PodState:
    """The Job's pod, once it has ended well."""
    place = run.place
    began = time.monotonic()
    well_until = began
    while True:
        pods = [pod for pod in pods_of(kube, place.namespace, place.release, COMPONENT) if pod.name.startswith(job)]
        now = time.monotonic()
        for pod in pods:
            if pod.exit_code == 0:
                return pod
            if pod.exit_code is not None:
                raise _failure(kube, place.namespace, pod, f"failed with exit code {pod.exit_code}")
            if not pod.trouble:
                well_until = now
            elif now - well_until >= _HOPELESS_S:
                raise _failure(kube, place.namespace, pod, f"does not start: {pod.trouble}")
        if now - began > _DEADLINE_S:
            state = pods[0].state if pods else "no pod"
            what = f"job {place.namespace}/{job}, which sends the results, has not ended after {_DEADLINE_S} s: {state}"
            raise ClusterError(what, f"`kubectl -n {place.namespace} get events` may say why")
        time.sleep(1)


def _failure(kube: Kube, namespace: str, pod: PodState, what: str) -> ClusterError:
    """With the pod's last words, since it is about to be deleted."""
    said = failure(kube, namespace, pod, what)
    return ClusterError(
        said.args[0], "no Job is needed by who may forward ports: docs/cluster.md says which right that is"
    )


def _read(kube: Kube, namespace: str, pod: str) -> Mapping[str, bytes]:
    give_up = time.monotonic() + _REREAD_S
    while True:
        with said_plainly(f"reading the log of pod {namespace}/{pod}"):
            answer: Any = kube.core.read_namespaced_pod_log(pod, namespace, _preload_content=False)
            lines = answer.data.decode(errors="replace").splitlines()
        try:
            return received(lines)
        except LedgerError:
            if time.monotonic() > give_up:
                raise
        time.sleep(1)
