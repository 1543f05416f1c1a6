"""A Job of ours that does one thing and goes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

from mops.cluster.access import Kube
from mops.cluster.errors import ClusterError, said_plainly
from mops.cluster.pods import PodState, failure, pods_of_job

DEADLINE_S = 900
"""For the pod to be scheduled, to reach what it needs and to do its work; Kubernetes ends it then, and so do we."""

_KEPT_S = 600
"""An ended Job that we could not delete goes by itself."""

_HOPELESS_S = 30.0


def once(name: str, labels: Mapping[str, str], pod: Mapping[str, Any]) -> dict[str, Any]:
    """A Job that tries once. Pure."""
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
def made(kube: Kube, namespace: str, job: Mapping[str, Any], does: str) -> Iterator[str]:
    """The Job, deleted at the end with all that it owns; its uid. `does`: `which sends the results`."""
    name = job["metadata"]["name"]
    with said_plainly(f"making job {namespace}/{name}, {does}"):
        there: Any = kube.batch.create_namespaced_job(namespace, job)  # pyright: ignore[reportArgumentType]
    try:
        yield there.metadata.uid
    finally:
        with contextlib.suppress(ClusterError), said_plainly(f"deleting job {namespace}/{name}"):
            kube.batch.delete_namespaced_job(name, namespace, propagation_policy="Background")


def ended_pod(kube: Kube, namespace: str, job: str, does: str, then: str, *, timeout_s: float = DEADLINE_S) -> PodState:
    """The Job's pod, once it has ended well. Raises ClusterError, with the pod's last words and `then`, what to try next."""
    began = time.monotonic()
    well_until = began
    while True:
        pods = pods_of_job(kube, namespace, job)
        now = time.monotonic()
        for pod in pods:
            if pod.exit_code == 0:
                return pod
            if pod.exit_code is not None:
                raise _failure(kube, namespace, pod, f"failed with exit code {pod.exit_code}", then)
            if not pod.trouble:
                well_until = now
            elif now - well_until >= _HOPELESS_S:
                raise _failure(kube, namespace, pod, f"does not start: {pod.trouble}", then)
        if now - began > timeout_s:
            state = pods[0].state if pods else "no pod"
            what = f"job {namespace}/{job}, {does}, has not ended after {timeout_s:.0f} s: {state}"
            raise ClusterError(what, f"`kubectl -n {namespace} get events` may say why")
        time.sleep(1)


def _failure(kube: Kube, namespace: str, pod: PodState, what: str, then: str) -> ClusterError:
    """With the pod's last words, since it is about to be deleted."""
    return ClusterError(failure(kube, namespace, pod, what).args[0], then)
