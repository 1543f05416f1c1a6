"""A run that goes on until its namespace is deleted, release `run`, on the workspace `ws`."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.conftest import ROOT, Cluster, bind_to_workspace, values_of

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


def install_endless_run(cluster: Cluster, namespace: str, workspace: str, folder: Path) -> None:
    """Returns when its pods are ready."""
    dask = bind_to_workspace(cluster, workspace, namespace)
    (folder / "adaptive.yaml").write_text(SPEC)
    (folder / "model.py").write_text(MODEL)
    (folder / "seen.csv").write_text("t,y\n0,0.5\n")
    files = (
        *("--set-file", f"run.spec={folder / 'adaptive.yaml'}"),
        *("--set-file", f"run.files.model\\.py={folder / 'model.py'}"),
        *("--set-file", f"run.files.seen\\.csv={folder / 'seen.csv'}"),
    )
    chart = ROOT / "charts/adaptive-run"
    cluster.helm("install", "run", str(chart), "-n", namespace, *values_of("run"), *files, *dask)
    worker = ("-n", namespace, "wait", "pod", "-l", "app.kubernetes.io/component=worker", "--timeout=180s")
    cluster.kubectl(*worker, "--for=condition=Ready")
    cluster.kubectl("-n", namespace, "rollout", "status", "statefulset/run-postgres", "--timeout=180s")
