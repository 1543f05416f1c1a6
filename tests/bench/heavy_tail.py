"""One simulation in 20 takes ten times as long: who waits for it?"""

from __future__ import annotations

from dataclasses import asdict

from tests.bench.contestants import DASK, OURS, RAY, contestants, rest_of, rounds
from tests.bench.report import Report, Settings, Table, Target, median, number, ratio
from tests.bench.workload import Workload

SECONDS = {"10 ms": 0.01, "50 ms": 0.05}
SLOW_ONE_IN = 20


def run(settings: Settings) -> Report:
    trials = (100, 30) if settings.full else (8, 3)
    workloads = {
        key: Workload(seconds=seconds, trials=n, slow_one_in=SLOW_ONE_IN)
        for (key, seconds), n in zip(SECONDS.items(), trials, strict=True)
    }
    done = rounds(rest_of(contestants(settings), RAY), workloads, 3 if settings.full else 1)
    busy = {key: {name: median([m.busy for m in each]) for name, each in by.items()} for key, by in done.items()}
    names = list(next(iter(busy.values())))
    rows = [
        [
            name,
            *(number(by[name]) for by in busy.values()),
            *(number(ratio(by[OURS], by[name])) for by in busy.values()),
        ]
        for name in names
    ]
    columns = ["", *(f"busy, {key}" for key in busy), *(f"modelops / it, {key}" for key in busy)]
    plain = {key: {name: [asdict(m) for m in each] for name, each in by.items()} for key, by in done.items()}
    return Report(
        title=f"heavy tail: share of two slots' time in simulations; one in {SLOW_ONE_IN} takes ten times as long",
        tables=[Table(columns, rows)],
        targets=[
            Target(f"{OURS} over {DASK}, {key}", ratio(by[OURS], by[DASK]), "at least", 1.2) for key, by in busy.items()
        ],
        notes=["the barrier loop asks for one set a worker and gathers them; 'must lose clearly' is read as 1.2 times"],
        figures={"busy": busy, "measured": plain},
    )
