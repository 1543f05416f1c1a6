"""A worker that is retired finishes what runs on it, and its results outlive it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import Client

from modelops_runtime.pods import retire as dask_retire
from modelops_runtime.pods.retire import main
from tests.support.dask_cluster import Cluster
from tests.support.patience import PATIENCE_S, eventually


@pytest.fixture
def two_workers(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as cluster:
        cluster.add_worker()
        cluster.add_worker()
        yield cluster


def test_what_runs_is_finished_once_and_results_are_handed_over(
    two_workers: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = tmp_path / "may-end"
    is_busy = dask_retire._busy

    def looked(metrics: str) -> bool:
        found = is_busy(metrics)
        may_end.touch()  # what runs goes on until it has been looked for
        return found

    monkeypatch.setattr(dask_retire, "_busy", looked)

    def held_up(until: str) -> str:
        from distributed import get_worker

        while not os.path.exists(until):
            time.sleep(0.05)
        return get_worker().address

    with Client(two_workers.address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=PATIENCE_S)
        workers: dict[str, Any] = client.scheduler_info()["workers"]
        address, worker = next(iter(workers.items()))
        held = client.submit(str, 41, workers=[address], allow_other_workers=True, pure=False)
        held.result(timeout=PATIENCE_S)
        running = client.submit(held_up, str(may_end), workers=[address], allow_other_workers=True, pure=False)
        assert eventually(lambda: client.processing([address])[address], every_s=0.05)
        metrics = f"http://127.0.0.1:{worker['services']['dashboard']}/metrics"
        patience = ["--patience", str(PATIENCE_S)]
        assert main(["--dask", two_workers.address, "--name", worker["name"], "--metrics", metrics, *patience]) == 0
        assert running.done()
        holders: Any = client.who_has([held, running])
        assert all(set(where) - {address} for where in holders.values()), holders
        assert running.result(timeout=PATIENCE_S) == address


def test_a_worker_that_nobody_knows_and_a_scheduler_that_is_not_there_do_not_hold_up_the_pods_end(
    two_workers: Cluster,
) -> None:
    there = ["--metrics", "http://127.0.0.1:9/metrics"]
    assert main(["--dask", two_workers.address, "--name", "nobody", *there]) == 0
    assert main(["--dask", "tcp://127.0.0.1:9", "--name", "nobody", "--patience", "2", *there]) == 1
