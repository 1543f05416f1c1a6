"""The status of runs on a cluster."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.results.log_transport import SUMMARY
from modelops_runtime.results.run_progress import RunProgress, read_progress
from mops.adaptive.ledger import NotFromHere, ledger_of
from mops.adaptive.release_ref import CHART, ClusterRun, find
from mops.adaptive.results_by_job import COMPONENT, fetch_by_job
from mops.adaptive.worker_jobs import job_state, worker_jobs
from mops.cluster.access import Access, Kube
from mops.cluster.errors import ClusterError
from mops.cluster.helm import Helm, Release
from mops.cluster.pods import PodState, pods_of
from mops.terminal.notify import Notify
from mops.terminal.text import status_lines
from mops.workspace.text import pod_lines


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """A run on a cluster at one moment."""

    run: ClusterRun
    job: str
    """running, complete, failed, or none."""
    pods: Sequence[PodState]
    summary: RunProgress | None
    unreachable: str
    """Why there is no summary, if known."""

    def lines(self) -> list[str]:
        ref = self.run.ref
        head = [f"{ref.run_id}: {self.unreachable or 'not begun'}"]
        lines = status_lines(self.summary) if self.summary else head
        lines.append(f"release     {ref.namespace}/{ref.release}, revision {self.run.release.revision}, job {self.job}")
        return lines + pod_lines(self.pods)

    def as_json(self) -> dict[str, Any]:
        ref = self.run.ref
        return {
            "run": ref.run_id,
            "namespace": ref.namespace,
            "release": ref.release,
            "revision": self.run.release.revision,
            "job": self.job,
            "pods": [
                {"name": pod.name, "component": pod.component, "state": pod.state, "restarts": pod.restarts}
                for pod in self.pods
            ],
            "ledger": self.summary.as_json() if self.summary else None,
            "unreachable": self.unreachable,
        }


def read_status(access: Access, run_id: str, namespace: str | None, *, notify: Notify) -> RunStatus:
    """The status of a run; an unreachable ledger is part of it. Raises NotOnCluster."""
    run, kube = find(Helm(access), run_id, namespace), Kube(access)
    jobs = worker_jobs(kube, run.ref)
    summary, unreachable = None, ""
    try:
        with ledger_of(access, run) as ledger:
            if ledger is not None and ledger.get_run(run_id) is not None:
                summary = read_progress(ledger, run_id)
    except NotFromHere as error:
        notify(f"{error.what}; a job in {run.ref.namespace} sends where it stands through its log")
        summary, unreachable = _summary_by_job(kube, run)
    except (ClusterError, LedgerError) as error:
        unreachable = f"its ledger cannot be reached just now: {error}"
    return RunStatus(
        run=run,
        job=(job_state(jobs[-1]).lower() or "running") if jobs else "none",
        pods=[pod for pod in pods_of(kube, run.ref.namespace, run.ref.release) if pod.component != COMPONENT],
        summary=summary,
        unreachable=unreachable,
    )


def _summary_by_job(kube: Kube, run: ClusterRun) -> tuple[RunProgress | None, str]:
    """The summary, or why there is none."""
    try:
        files = fetch_by_job(kube, run, "summary")
    except (ClusterError, LedgerError) as error:
        return None, f"its ledger cannot be reached just now: {error}"
    return (RunProgress.from_json(json.loads(files[SUMMARY])) if files else None), ""


def runs(helm: Helm, namespace: str | None) -> list[Release]:
    """Of the cluster, or of one namespace."""
    return helm.releases(CHART, namespace)
