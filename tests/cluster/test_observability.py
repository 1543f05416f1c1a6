"""What Prometheus and a log collector get from the pods."""

from __future__ import annotations

import base64
import json
import subprocess
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.conftest import Cluster
from tests.cluster.slow_run import METRICS_PORT, RUN, SlowRun, slow_run
from tests.support.dask_cluster import free_port
from tests.support.patience import PATIENCE_S
from tests.support.pods import log_lines, scraped

pytestmark = pytest.mark.cluster


def test_scheduler_workers_and_adaptive_workers_export_metrics_and_log_json(cluster: Cluster, tmp_path: Path) -> None:
    with slow_run(cluster, tmp_path, f"see-{uuid.uuid4().hex[:6]}", workers=1, dask_workers=1) as run:
        cluster.wait("some trials", lambda: run.finished() >= 5)
        (adaptive,) = run.pods("modelops.io/ledger")
        with forwarded(run.namespace, adaptive, METRICS_PORT) as port:
            seen = scraped(fetched(port))
        assert seen['modelops_trials_total{phase="search",status="COMPLETED"}'] >= 1
        assert seen["modelops_run_trials_finished"] >= 5 - 1
        assert seen["modelops_ask_seconds_count"] >= 5
        assert seen["modelops_slots"] == 1

        (scheduler,) = run.pods("app.kubernetes.io/component=scheduler")
        with forwarded(run.workspace, scheduler, 8787) as port:
            assert scraped(fetched(port))['dask_scheduler_workers{state="idle"}'] >= 0
        (worker,) = run.pods("app.kubernetes.io/name=dask-workspace,app.kubernetes.io/component=worker")
        with forwarded(run.workspace, worker, 8789) as port:
            assert scraped(fetched(port))["dask_worker_threads"] == 1

        lines = log_lines(run.kubectl("logs", adaptive))
        assert {line["run"] for line in lines if line["logger"] == "modelops"} == {RUN}
        assert [line for line in lines if line.get("event") == "trial" and isinstance(line["trial"], int)]
        password = secret_of(run)
        assert password not in run.kubectl("logs", adaptive)
        assert not [name for name in seen if password in name]


def secret_of(run: SlowRun) -> str:
    data = json.loads(run.kubectl("get", "secret", f"{run.release}-postgres", "-o", "json"))["data"]
    return base64.b64decode(data["PGPASSWORD"]).decode()


@contextmanager
def forwarded(namespace: str, pod: str, port: int) -> Iterator[int]:
    """A port of this machine that leads to the pod's."""
    here = free_port()
    command = ["kubectl", "-n", namespace, "port-forward", f"pod/{pod}", f"{here}:{port}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        assert said.startswith("Forwarding"), said
        yield here
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def fetched(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE_S) as answer:
        return answer.read().decode()
