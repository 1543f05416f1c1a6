"""What a trial and a simulation cost beside the model: 14 observations as numpy columns, against a bare pool and Optuna."""

from __future__ import annotations

import random
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from modelops_runtime.contracts.parameters import UniqueParameterSet
from modelops_runtime.runner.request import RunRequest
from modelops_runtime.runner.setup.model_files import held_code
from modelops_runtime.runner.setup.preparation import planned
from modelops_runtime.runner.setup.services import opened_service
from modelops_runtime.simulation.service import ReplicateService
from modelops_runtime.specs.loading import load_spec
from tests.bench.contestants import OPTUNA, OURS, POOL, contestants, rounds
from tests.bench.ours import write_project
from tests.bench.processor_time import processor_time_s
from tests.bench.report import Report, Settings, Table, Target, median, number, ratio
from tests.bench.workload import REPLICATES, SLOTS, Measured, Workload, seeds_of

TARGETS = {"100 ms": 0.98, "10 ms": 0.93, "1 ms": 0.65}
TRIAL_MS, SIMULATION_MS = 5.0, 0.1
SECONDS = {"100 ms": 0.1, "10 ms": 0.01, "1 ms": 0.001, "0 ms": 0.0}
AHEAD = 2 * SLOTS
"""Trials under way in the service at once: no slot waits."""


def run(settings: Settings) -> Report:
    trials = (20, 100, 400, 400) if settings.full else (2, 10, 40, 40)
    workloads = {
        key: Workload(seconds=s, trials=n, model="ward") for (key, s), n in zip(SECONDS.items(), trials, strict=True)
    }
    repeats = 3 if settings.full else 1
    everyone = contestants(settings)
    done = rounds({name: everyone[name] for name in (POOL, OURS, OPTUNA)}, workloads, repeats)
    alone = [_of_the_service(3_000 if settings.full else 300) for _ in range(repeats)]
    per_simulation = median([1000 * each for each in alone])
    shares = {
        key: {name: ratio(_per_s(each), _per_s(by[POOL])) for name, each in by.items()} for key, by in done.items()
    }
    beside = {key: {name: _beside_ms(each) for name, each in by.items()} for key, by in done.items()}
    per_trial = beside["0 ms"][OURS] - REPLICATES * per_simulation
    names = [OURS, OPTUNA]
    rows = [[name, *(number(shares[key][name]) for key in shares)] for name in names]
    rows.append(["(bare pool: simulations a second)", *(number(_per_s(by[POOL])) for by in done.values())])
    costs = [[name, *(f"{by[name]:.2f}" for by in beside.values())] for name in (*names, POOL)]
    return Report(
        title=f"overhead: simulations a second over those of a bare pool, {SLOTS} slots, 14 observations, "
        f"{REPLICATES} replicates a trial, medians of {repeats}",
        tables=[
            Table(["", *shares], rows),
            Table(["ms of processor time a trial, the model's own aside", *beside], costs),
        ],
        targets=[
            *(Target(f"{OURS}, {key} a simulation", shares[key][OURS], "at least", TARGETS[key]) for key in TARGETS),
            Target("processor time of a trial beside its simulations, ms (at 0 ms)", per_trial, "at most", TRIAL_MS),
            Target(
                "processor time of a simulation that returns at once, ms (service alone, no ledger)",
                per_simulation,
                "at most",
                SIMULATION_MS,
            ),
        ],
        notes=["racing and confirm off; ours with ledger and isolation, Optuna with a journal"],
        figures={
            "over_pool": shares,
            "processor_ms_a_trial": beside,
            "processor_ms_a_simulation": per_simulation,
            "measured": {
                key: {name: [asdict(m) for m in each] for name, each in by.items()} for key, by in done.items()
            },
        },
    )


def _per_s(measured: list[Measured]) -> float:
    return median([each.per_s for each in measured])


def _beside_ms(measured: list[Measured]) -> float:
    """Processor time a trial that the model did not ask for."""
    found = [
        1000 * REPLICATES * (each.processor_s - each.simulated_s) / each.simulations
        for each in measured
        if each.processor_s is not None
    ]
    return median(found)


def _of_the_service(trials: int) -> float:
    """Seconds of processor time a simulation, here and in the isolated processes, of simulations that return at once."""
    with TemporaryDirectory(prefix="modelops-bench-") as folder:
        workload = Workload(seconds=0.0, trials=trials, model="ward")
        loaded = load_spec(write_project(Path(folder), workload))
        request = RunRequest(loaded=loaded, ledger_url="", run_id="overhead", slots=SLOTS)
        with held_code(loaded) as code:
            plan, _ = planned(loaded, code)
            assert plan is not None
            with opened_service(request, code, plan, keep_tables=False) as service:
                _simulate(service, workload, 20)
                time.sleep(0.1)
                before = processor_time_s()
                _simulate(service, workload, trials)
                return (processor_time_s() - before) / (REPLICATES * trials)


def _simulate(service: ReplicateService, workload: Workload, trials: int) -> None:
    draw = random.Random(trials)
    under_way: deque[Future[Any]] = deque()
    for _ in range(trials):
        parameter_set = UniqueParameterSet.of(workload.params(draw.uniform(-1, 1), draw.uniform(-1, 1)))
        seeds = dict(enumerate(seeds_of(dict(parameter_set.params))))
        under_way.append(service.submit_replicates(parameter_set, seeds))
        if len(under_way) >= AHEAD:
            _check(under_way.popleft().result())
    for future in under_way:
        _check(future.result())


def _check(outcomes: Any) -> None:
    if len(outcomes) != REPLICATES or any(outcome.failure for outcome in outcomes):
        raise RuntimeError(f"a simulation failed: {next(o.failure for o in outcomes if o.failure)}")
