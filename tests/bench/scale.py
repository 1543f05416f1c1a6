"""A Dask scheduler with hundreds of workers that holds many tasks, submitted the way a run does: what it takes.

The scheduler is a process of its own, as in its pod; all workers share another one, which is what limits the tasks a
second here: on a cluster each has its own machine.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.report import Report, Settings, Table, number
from tests.support.dask_cluster import free_port, wait_for_port

PAYLOAD_BYTES = 600
"""Of a task: about what a set with ten replicates is, pickled."""

QUIET = {
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "DASK_DISTRIBUTED__ADMIN__TICK__LIMIT": "1h",
    "DASK_DISTRIBUTED__WORKER__HTTP__ROUTES": "[]",
}
ONE_OF_MANY = QUIET | {"DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "1h"}
"""Workers look at their process twice a second: hundreds in one process would do little else."""


def run(settings: Settings) -> Report:
    workers, tasks = (500, 100_000) if settings.full else (50, 5_000)
    with (
        TemporaryDirectory(prefix="modelops-scale-") as folder,
        _scheduler(Path(folder)) as (address, scheduler),
        _workers(address, workers) as workers_process,
    ):
        figures = _measured(address, scheduler, workers_process, tasks)
    rows = [[what, number(value)] for what, value in figures.items()]
    return Report(
        title=f"scale: one scheduler, {workers} workers in one process, {tasks:,} tasks of {PAYLOAD_BYTES} bytes",
        tables=[Table(["", "measured"], rows)],
        notes=["the workers share one process and its interpreter lock: their share is the larger one of the time"],
        figures={"workers": workers, "tasks": tasks, **figures},
    )


def _measured(address: str, scheduler: int, workers_process: int, tasks: int) -> dict[str, float]:
    from distributed import Client

    payload = pickle.dumps(os.urandom(PAYLOAD_BYTES))
    with Client(address, set_as_default=False) as client:
        idle = _megabytes(scheduler)
        started = time.perf_counter()
        futures = [
            client.submit(pickle.loads, payload, key=f"modelops-{uuid.uuid4().hex}", pure=False) for _ in range(tasks)
        ]
        submitted = time.perf_counter() - started
        peak = idle
        while not all(future.done() for future in futures):
            peak = max(peak, _megabytes(scheduler))
            time.sleep(0.5)
        done = time.perf_counter() - started
        held = client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks))
        assert held == tasks, f"the scheduler holds {held} tasks, not {tasks}"
        assert all(future.status == "finished" for future in futures)
        peak = max(peak, _megabytes(scheduler))
    return {
        "scheduler with idle workers, MB": idle,
        "scheduler's most, MB": peak,
        "KB a task": (peak - idle) * 1000 / tasks,
        "the workers' process, MB": _megabytes(workers_process),
        "submitted, tasks a second": tasks / submitted,
        "finished, tasks a second": tasks / done,
    }


def _megabytes(pid: int) -> float:
    import psutil

    return psutil.Process(pid).memory_info().rss / 1e6


@contextmanager
def _scheduler(folder: Path) -> Iterator[tuple[str, int]]:
    port = free_port()
    where = ["--host", "127.0.0.1", "--port", str(port), "--dashboard-address", "127.0.0.1:0"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", "scheduler", *where], env=os.environ | QUIET, stdout=log, stderr=log
        )
    try:
        wait_for_port(port, process)
        yield f"tcp://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def _workers(address: str, count: int) -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.scale_workers", address, str(count)],
        env=os.environ | ONE_OF_MANY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        if said != "ready\n":
            raise RuntimeError(f"the workers did not start: {said!r}")
        yield process.pid
        process.stdin.close()
        process.wait(120)
    finally:
        process.kill()
        process.wait()
