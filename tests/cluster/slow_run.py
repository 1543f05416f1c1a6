"""A run that is slow enough to be harmed, on a workspace of its own, and what its ledger says."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.conftest import ROOT, Cluster, bind_to_workspace, conditions_of

TRIALS = 500
REPLICATES = 4
CONFIRMED = 2
CONFIRM_REPLICATES = 4
RUN = "slow"

MODEL = """
import time

import numpy as np


def simulate(params, seed):
    time.sleep(0.05)
    t = np.arange(5)
    return {"t": t, "y": params["slope"] * t + params["height"] + np.random.default_rng(seed).normal(0, 0.5, 5)}
"""
DATA = "t,y\n0,1.0\n1,3.0\n2,5.0\n3,7.0\n4,9.0\n"
SPEC = f"""
version: 1
name: {RUN}
model: {{entrypoint: "model.py:simulate", timeout: 60s, memory: 1Gi}}
parameters: {{slope: {{min: 0.0, max: 5.0}}, height: {{min: -3.0, max: 5.0}}}}
targets:
  line: {{observed: data.csv, match: {{exact: t}}, value: y, loss: mean_signal}}
search:
  trials: {TRIALS}
  replicates: {REPLICATES}
  racing: false
  confirm: {{top: {CONFIRMED}, replicates: {CONFIRM_REPLICATES}}}
"""

METRICS_PORT = 8790
SMALL = "resources.requests.cpu=50m"
TAG = os.environ.get("TAG", "test")
"""Of the images: another one than "test" to try a change without a change for who else uses the cluster."""

_COUNTS = """
SELECT json_build_object(
  'finished', count(*) FILTER (WHERE phase = 'search' AND status IN ('COMPLETED', 'FAILED', 'TIMEOUT')),
  'completed', count(*) FILTER (WHERE phase = 'search' AND status = 'COMPLETED'),
  'confirmed', count(*) FILTER (WHERE phase = 'confirm' AND status = 'COMPLETED'),
  'left over', count(*) FILTER (WHERE status NOT IN ('COMPLETED', 'FAILED', 'TIMEOUT')),
  'taken over', count(*) FILTER (WHERE lease_no > 1 AND phase = 'search'),
  'workers', count(DISTINCT worker) FILTER (WHERE status = 'COMPLETED'),
  'replicates', (SELECT count(*) FROM modelops.replicate WHERE idx < 4294967296),
  'confirming replicates', (SELECT count(*) FROM modelops.replicate WHERE idx >= 4294967296),
  'failed replicates', (SELECT count(*) FROM modelops.replicate WHERE status <> 'COMPLETED'),
  'recorded again', (SELECT count(*) FROM modelops.replicate WHERE attempt > 1)
) FROM modelops.trial
"""


@dataclass(frozen=True)
class SlowRun:
    """Where it is."""

    cluster: Cluster
    namespace: str
    workspace: str
    release: str
    workspace_release: str

    def kubectl(self, *args: str) -> str:
        return self.cluster.kubectl("-n", self.namespace, *args)

    def counts(self, spoilt_by: str = "SELECT 1 WHERE false") -> dict[str, int]:
        """Of the ledger, as if the statement had been carried out. Raises AssertionError while it cannot be asked."""
        psql = "PATH=$(echo /usr/lib/postgresql/*/bin):$PATH psql -h /run/postgresql -U postgres -d modelops -qtA"
        statements = f"BEGIN; {spoilt_by}; {_COUNTS}; ROLLBACK"
        pod = f"{self.release}-postgres-0"
        return json.loads(self.kubectl("exec", pod, "--", "sh", "-c", f'{psql} -c "{statements}"'))

    def finished(self) -> int:
        """Search trials; -1 while the ledger cannot be asked."""
        try:
            return self.counts()["finished"]
        except AssertionError:
            return -1

    def is_over(self) -> bool:
        """Whether its Job has completed; fails when that has failed."""
        (job,) = json.loads(self.kubectl("get", "jobs", "-o", "json"))["items"]
        states = conditions_of(job)
        assert "Failed" not in states, self.story()
        return "Complete" in states

    def story(self) -> str:
        """What to read when it went wrong."""
        pods = self.cluster.kubectl("get", "pods", "-A", "-o", "wide", "-l", self.selector)
        logs = self.kubectl("logs", "-l", "app.kubernetes.io/component=worker", "--tail=15", "--prefix")
        events = self.kubectl("get", "events", "--sort-by=.lastTimestamp")
        return f"{pods}\n{events}\n{logs}"

    def pods(self, component: str) -> list[str]:
        """Names of the pods of a component that are not on their way out."""
        found = []
        for namespace in (self.namespace, self.workspace):
            items = json.loads(
                self.cluster.kubectl("-n", namespace, "get", "pods", "-l", f"{self.selector},{component}", "-o", "json")
            )["items"]
            found += [
                pod["metadata"]["name"]
                for pod in items
                if pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]
            ]
        return found

    @property
    def selector(self) -> str:
        """Of all pods of the run and its workspace, and of nobody else's."""
        return f"app.kubernetes.io/instance in ({self.release},{self.workspace_release})"


@contextmanager
def slow_run(
    cluster: Cluster, folder: Path, name: str, *, workers: int = 2, dask_workers: int = 3
) -> Iterator[SlowRun]:
    """Install workspace and run in namespaces of their own, called after `name`; both are gone at the end."""
    run = SlowRun(cluster, f"{name}-run", f"{name}-ws", f"{name}-run", f"{name}-ws")
    for namespace in (run.namespace, run.workspace):
        cluster.kubectl("create", "namespace", namespace)
        cluster.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    try:
        _install(run, folder, workers, dask_workers)
        yield run
    finally:
        cluster.kubectl("delete", "namespace", run.namespace, run.workspace, "--wait=false")


def _install(run: SlowRun, folder: Path, workers: int, dask_workers: int) -> None:
    cluster = run.cluster
    values = ROOT / "tests/cluster/workspace-values.yaml"
    few = f"workers.replicas={dask_workers},workers.{SMALL},scheduler.{SMALL}"
    few += f",workers.image.tag={TAG},scheduler.image.tag={TAG}"
    at = (run.workspace_release, str(ROOT / "charts/dask-workspace"), "-n", run.workspace, "-f", str(values))
    cluster.helm("install", *at, "--set", few, "--wait", "--timeout", "600s")

    dask = bind_to_workspace(cluster, run.workspace, run.namespace, release=run.workspace_release)
    files = {"run.spec": SPEC, "run.files.model\\.py": MODEL, "run.files.data\\.csv": DATA}
    given = []
    for number, (key, text) in enumerate(files.items()):
        (folder / str(number)).write_text(text)
        given += ["--set-file", f"{key}={folder / str(number)}"]
    size = f"workers.replicas={workers},workers.{SMALL},postgres.{SMALL},image.tag={TAG}"
    values = ROOT / "tests/cluster/run-values.yaml"
    at = (run.release, str(ROOT / "charts/adaptive-run"), "-n", run.namespace, "-f", str(values))
    cluster.helm("install", *at, *given, "--set", size, *dask)
