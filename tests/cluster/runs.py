"""Runs for the tests: one that never ends, and one that ends after a few trials."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cluster.conftest import ROOT, Cluster, bind_to_workspace, conditions_of, values_of

SPEC = """
version: 1
name: endless
model: {entrypoint: "model.py:simulate"}
parameters: {x: {min: 0.0, max: 1.0}}
targets: {y: {observed: seen.csv, match: {exact: t}, value: y, loss: {kind: absolute}}}
search: {trials: 100000, replicates: 1, seed: 1}
"""
MODEL = """
import time
def simulate(params, seed):
    time.sleep(1)
    return {"t": [0], "y": [params["x"]]}
"""


TRIALS = 8
CHART = str(ROOT / "charts/adaptive-run")


def quick_run(folder: Path) -> tuple[str, ...]:
    """Flags for `helm install` or `helm template` of a run of TRIALS trials that simulates in its own pod."""
    (folder / "adaptive.yaml").write_text(SPEC.replace("100000", f"{TRIALS}, confirm: {{top: 0}}"))
    (folder / "model.py").write_text(MODEL.replace("sleep(1)", "sleep(0)"))
    return (*_files(folder), *values_of("run"))


def completed(cluster: Cluster, namespace: str) -> bool:
    """Whether all Jobs of the namespace are complete. Fails with the logs when one has failed."""
    jobs = json.loads(cluster.kubectl("-n", namespace, "get", "jobs", "-o", "json"))["items"]
    states = [state for job in jobs for state in conditions_of(job)]
    assert "Failed" not in states, cluster.kubectl("-n", namespace, "logs", "-l", "job-name", "--prefix", "--tail=20")
    return bool(jobs) and states.count("Complete") == len(jobs)


def psql(cluster: Cluster, namespace: str, release: str, sql: str) -> str:
    """What the release's own Postgres answers to its superuser."""
    shell = "PATH=$(echo /usr/lib/postgresql/*/bin):$PATH psql -h /run/postgresql -U postgres -d modelops -tAq"
    return cluster.kubectl(
        "-n", namespace, "exec", "-i", f"{release}-postgres-0", "--", "sh", "-c", shell, stdin=sql
    ).strip()


def trials(cluster: Cluster, namespace: str, release: str) -> tuple[int, int, int]:
    """Finished trials of the search, trials in any other state, and replicates recorded more than once."""
    query = (
        "SELECT count(*) FILTER (WHERE phase = 'search' AND status = 'COMPLETED'),"
        " count(*) FILTER (WHERE status NOT IN ('COMPLETED', 'FAILED', 'TIMEOUT', 'WITHDRAWN')),"
        " (SELECT count(*) - count(DISTINCT (run_key, number, idx)) FROM modelops.replicate) FROM modelops.trial"
    )
    first, second, third = psql(cluster, namespace, release, query).split("|")
    return int(first), int(second), int(third)


def install_endless_run(cluster: Cluster, namespace: str, workspace: str, folder: Path, *more: str) -> None:
    """Release `run`, on the workspace `ws`, with more flags for Helm. Returns when its pods are ready."""
    dask = bind_to_workspace(cluster, workspace, namespace)
    (folder / "adaptive.yaml").write_text(SPEC)
    (folder / "model.py").write_text(MODEL)
    cluster.helm("install", "run", CHART, "-n", namespace, *values_of("run"), *_files(folder), *dask, *more)
    worker = ("-n", namespace, "wait", "pod", "-l", "modelops.io/ledger=run", "--timeout=600s")
    cluster.kubectl(*worker, "--for=condition=Ready")
    cluster.kubectl("-n", namespace, "rollout", "status", "statefulset/run-postgres", "--timeout=600s")


def _files(folder: Path) -> tuple[str, ...]:
    (folder / "seen.csv").write_text("t,y\n0,0.5\n")
    return (
        *("--set-file", f"run.spec={folder / 'adaptive.yaml'}"),
        *("--set-file", f"run.files.model\\.py={folder / 'model.py'}"),
        *("--set-file", f"run.files.seen\\.csv={folder / 'seen.csv'}"),
    )
