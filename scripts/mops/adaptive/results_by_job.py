"""Fetches results by a Job through its pod's log, for users who cannot reach the run's Postgres from here.

Not by exec, which needs a right as dangerous as port forwarding. The right to read logs is enough.
"""

from __future__ import annotations

import copy
import time
import uuid
from collections.abc import Mapping
from typing import Any

from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.results.log_transport import received
from mops.adaptive.release_ref import ClusterRun, worker_job
from mops.cluster.access import Kube
from mops.cluster.errors import translated_errors
from mops.cluster.jobs import one_off_job, running_job, wait_for_success

COMPONENT = "export"

_PURPOSE = "which sends the results"
_NEXT_STEP = "no Job is needed by who may forward ports: docs/cluster.md says which right that is"
_REREAD_S = 10.0
"""The end of a log may arrive after the pod has ended."""


def fetch_by_job(kube: Kube, run: ClusterRun, what: str) -> Mapping[str, bytes]:
    """The files of `what` (parquet, csv, optuna, summary) by name; none until there is a ledger.

    Raises ClusterError with the end of the pod's log if the Job fails, LedgerError if the log is cut off.
    """
    namespace = run.ref.namespace
    job = send_job(run, what, f"{run.ref.release}-send-{uuid.uuid4().hex[:6]}")
    with running_job(kube, namespace, job, _PURPOSE):
        return _read(
            kube, namespace, wait_for_success(kube, namespace, job["metadata"]["name"], _PURPOSE, _NEXT_STEP).name
        )


def send_job(run: ClusterRun, what: str, name: str) -> dict[str, Any]:
    """The run's own worker with another command: same image, rights, Secrets, and way to Postgres. Pure."""
    template = copy.deepcopy(worker_job(run.release.resources)["spec"]["template"])
    labels = {**template["metadata"]["labels"], "app.kubernetes.io/component": COMPONENT}
    labels.pop("modelops.io/dask-client", None)
    container = template["spec"]["containers"][0]
    ledger = [arg for arg in container["args"] if arg.startswith("--ledger")]
    container |= {
        "name": "send",
        "command": ["python", "-m", "modelops_runtime.pods.send_results"],
        "args": [f"--run-id={run.ref.run_id}", f"--what={what}", *ledger],
        "ports": [],
        "resources": {**container["resources"], "requests": {"cpu": "50m", "memory": "256Mi"}},
    }
    return one_off_job(name, labels, template["spec"])


def _read(kube: Kube, namespace: str, pod: str) -> Mapping[str, bytes]:
    give_up = time.monotonic() + _REREAD_S
    while True:
        with translated_errors(f"reading the log of pod {namespace}/{pod}"):
            answer: Any = kube.core.read_namespaced_pod_log(pod, namespace, _preload_content=False)
            lines = answer.data.decode(errors="replace").splitlines()
        try:
            return received(lines)
        except LedgerError:
            if time.monotonic() > give_up:
                raise
        time.sleep(1)
