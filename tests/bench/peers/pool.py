"""A bare ProcessPoolExecutor: random parameters, a task a trial, nothing remembered. What two slots can do at most."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from tests.bench.processor_time import processor_time_s
from tests.bench.workload import REPLICATES, SLOTS, Measured, Workload, simulate_trial


@contextmanager
def opened() -> Iterator[Callable[[Workload], Measured]]:
    with ProcessPoolExecutor(SLOTS, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(time.sleep, [0.2] * SLOTS))
        yield lambda workload: _measure(pool, workload)


def _measure(pool: ProcessPoolExecutor, workload: Workload) -> Measured:
    draw = random.Random(1)
    sets = [workload.params(draw.uniform(-1, 1), draw.uniform(-1, 1)) for _ in range(workload.trials)]
    processor_s, started = processor_time_s(), time.monotonic()
    seconds = [seconds for _, seconds in pool.map(simulate_trial, sets, [workload.model] * len(sets))]
    wall_s = time.monotonic() - started
    return Measured(
        simulations=REPLICATES * workload.trials,
        simulated_s=sum(seconds),
        wall_s=wall_s,
        processor_s=processor_time_s() - processor_s,
    )
