"""Who simulates a workload, by name, and the rounds in which all of them do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial

from tests.bench import ours
from tests.bench.peers import dask_barrier, optuna_processes, pool, ray_tune
from tests.bench.report import Settings
from tests.bench.workload import Measured, Workload

POOL, OURS, OPTUNA, DASK, RAY = "bare pool", "modelops", "optuna, 2 processes", "dask barrier loop", "ray tune"

Opened = Callable[[], AbstractContextManager[Callable[[Workload], Measured]]]


def contestants(settings: Settings) -> dict[str, Opened]:
    """All that can run here, the yardstick first."""
    found: dict[str, Opened] = {
        POOL: pool.opened,
        OURS: ours.opened,
        OPTUNA: optuna_processes.opened,
        DASK: dask_barrier.opened,
    }
    python = ray_tune.python_with_ray(settings.ray_python)
    if python:
        found[RAY] = partial(ray_tune.opened, python)
    return found


def rounds(
    opened: Mapping[str, Opened], workloads: Mapping[str, Workload], repeats: int
) -> dict[str, dict[str, list[Measured]]]:
    """workload -> contestant -> a measurement for each repeat. Contestants take turns, so that a slow minute hits them all."""
    done: dict[str, dict[str, list[Measured]]] = {key: {name: [] for name in opened} for key in workloads}
    for _ in range(repeats):
        for name, make in opened.items():
            with make() as measure:
                for key, workload in workloads.items():
                    done[key][name].append(measure(workload))
    return done


def rest_of(opened: Mapping[str, Opened], *names: str) -> dict[str, Opened]:
    return {name: make for name, make in opened.items() if name not in names}


def ray_note(settings: Settings) -> Sequence[str]:
    """A line when Ray Tune is not among the contestants."""
    if ray_tune.python_with_ray(settings.ray_python):
        return ()
    return ("ray: not installed (--ray-python PATH names a Python that has ray[tune] and optuna)",)
