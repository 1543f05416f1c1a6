"""The Jobs of a run's workers, and how they ended."""

from __future__ import annotations

from typing import Any, Literal

from mops.adaptive.release_ref import RunRef
from mops.cluster.access import Kube
from mops.cluster.errors import ClusterError, translated_errors
from mops.cluster.pods import failure, pods_of

JobState = Literal["", "Complete", "Failed"]
JobEnd = Literal["", "Complete", "Failed", "Gone"]


def worker_jobs(kube: Kube, ref: RunRef) -> list[Any]:
    """The Jobs of the run's workers, the newest last."""
    selector = f"app.kubernetes.io/instance={ref.release},app.kubernetes.io/component=worker"
    with translated_errors(f"looking at the jobs in {ref.namespace}"):
        jobs: list[Any] = kube.batch.list_namespaced_job(ref.namespace, label_selector=selector).items
    return sorted(
        (job for job in jobs if not job.metadata.deletion_timestamp), key=lambda job: job.metadata.creation_timestamp
    )


def job_state(job: Any) -> JobState:
    """How a Job ended; empty while it runs. Pure."""
    conditions = (job.status.conditions if job.status else None) or []
    ends = {condition.type for condition in conditions if condition.status == "True"}
    return "Complete" if "Complete" in ends else "Failed" if "Failed" in ends else ""


def job_end(kube: Kube, ref: RunRef) -> JobEnd:
    """How the run's Job ended; `gone` if the run was taken down, empty while its workers run."""
    jobs = worker_jobs(kube, ref)
    return job_state(jobs[-1]) if jobs else "Gone"


def remove_failed_jobs(kube: Kube, ref: RunRef) -> None:
    """Delete a failed Job, which never restarts. The release then creates a new one, which continues from the ledger."""
    for job in worker_jobs(kube, ref):
        if job_state(job) == "Failed":
            with translated_errors(f"deleting the failed job {job.metadata.name}"):
                kube.batch.delete_namespaced_job(job.metadata.name, ref.namespace, propagation_policy="Foreground")


def job_failure(kube: Kube, ref: RunRef) -> ClusterError:
    """The failed pod of the run's Job, with the end of its log; its exit code is the run's (2: a mistake in the spec)."""
    pods = [pod for pod in pods_of(kube, ref.namespace, ref.release, "worker") if pod.exit_code]
    if not pods:
        return ClusterError(f"run {ref.run_id!r} failed", f"`{ref.command('logs')}` says more")
    error = failure(kube, ref.namespace, pods[-1], f"failed with exit code {pods[-1].exit_code}")
    error.exit_code = pods[-1].exit_code if pods[-1].exit_code in (1, 2) else 1
    return error
