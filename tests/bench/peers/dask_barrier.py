"""A loop as most people write it on Dask: ask for a set for each worker, map all replicates, gather, tell, again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.bench.workload import REPLICATES, SLOTS, Measured, Workload, seeds_of, simulate_once, summed


@contextmanager
def opened() -> Iterator[Callable[[Workload], Measured]]:
    import optuna
    from distributed import Client, LocalCluster

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    cluster = LocalCluster(
        n_workers=SLOTS,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.ERROR,
    )
    with cluster, Client(cluster) as client:
        client.gather(
            client.map(simulate_once, [Workload(seconds=0.01, trials=1).params(0, 0)] * 20, range(20), pure=False)
        )
        yield lambda workload: _measure(client, workload)


def _measure(client: Any, workload: Workload) -> Measured:
    import optuna

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    simulated_s, told = 0.0, 0
    started = time.monotonic()
    while told < workload.trials:
        batch = [study.ask() for _ in range(min(SLOTS, workload.trials - told))]
        sets = [workload.params(t.suggest_float("x", -1, 1), t.suggest_float("y", -1, 1)) for t in batch]
        jobs = [(params, seed) for params in sets for seed in seeds_of(params)]
        done = client.gather(client.map(simulate_once, *zip(*jobs, strict=True), model=workload.model, pure=False))
        for place, trial in enumerate(batch):
            loss, seconds = summed(done[place * REPLICATES : (place + 1) * REPLICATES])
            study.tell(trial, loss)
            simulated_s += seconds
        told += len(batch)
    return Measured(simulations=REPLICATES * told, simulated_s=simulated_s, wall_s=time.monotonic() - started)
