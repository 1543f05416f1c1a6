"""One-off Jobs that are deleted afterwards."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

from mops.cluster.access import Kube
from mops.cluster.errors import ClusterError, translated_errors
from mops.cluster.pods import PodState, pod_and_log, pods_of_job

DEADLINE_S = 900
"""Seconds for the pod to be scheduled and to finish; then Kubernetes and we end it."""

_KEPT_S = 600
"""Seconds after which Kubernetes deletes an ended Job that we could not delete."""

_HOPELESS_S = 30.0


def one_off_job(name: str, labels: Mapping[str, str], pod: Mapping[str, Any]) -> dict[str, Any]:
    """A Job without retries. Pure."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": {**labels, "app.kubernetes.io/managed-by": "mops"}},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": DEADLINE_S,
            "ttlSecondsAfterFinished": _KEPT_S,
            "template": {"metadata": {"labels": dict(labels)}, "spec": dict(pod)},
        },
    }


@contextlib.contextmanager
def running_job(kube: Kube, namespace: str, job: Mapping[str, Any], purpose: str) -> Iterator[str]:
    """Creates the Job, yields its uid, and deletes it at the end with all that it owns. `purpose`: `which sends the results`."""
    name = job["metadata"]["name"]
    with translated_errors(f"making job {namespace}/{name}, {purpose}"):
        job_there: Any = kube.batch.create_namespaced_job(namespace, job)  # pyright: ignore[reportArgumentType]
    try:
        yield job_there.metadata.uid
    finally:
        with contextlib.suppress(ClusterError), translated_errors(f"deleting job {namespace}/{name}"):
            kube.batch.delete_namespaced_job(name, namespace, propagation_policy="Background")


def wait_for_success(
    kube: Kube, namespace: str, job: str, purpose: str, next_step: str, *, timeout_s: float = DEADLINE_S
) -> PodState:
    """The Job's pod once it has succeeded. Raises ClusterError with the end of the pod's log and `next_step`."""
    began = time.monotonic()
    well_until = began
    while True:
        pods = pods_of_job(kube, namespace, job)
        now = time.monotonic()
        for pod in pods:
            if pod.exit_code == 0:
                return pod
            if pod.exit_code is not None:
                what = pod_and_log(kube, namespace, pod, f"failed with exit code {pod.exit_code}")
                raise ClusterError(what, next_step)
            if not pod.trouble:
                well_until = now
            elif now - well_until >= _HOPELESS_S:
                what = pod_and_log(kube, namespace, pod, f"does not start: {pod.trouble}")
                raise ClusterError(what, next_step)
        if now - began > timeout_s:
            state = pods[0].state if pods else "no pod"
            what = f"job {namespace}/{job}, {purpose}, has not ended after {timeout_s:.0f} s: {state}"
            raise ClusterError(what, f"`kubectl -n {namespace} get events` may say why")
        time.sleep(1)
