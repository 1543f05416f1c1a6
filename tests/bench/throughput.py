"""How much of two slots' time goes into simulations, over the same of a bare pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from tests.bench.contestants import OURS, POOL, RAY, contestants, ray_note, rest_of, rounds
from tests.bench.report import Report, Settings, Table, Target, median, number, ratio
from tests.bench.workload import Measured, Workload

TARGETS = {"100 ms": 0.98, "10 ms": 0.93, "1 ms": 0.65}
RAY_TRIALS = 20
"""Ray takes about a second a trial, however short."""


def run(settings: Settings) -> Report:
    trials = (20, 100, 400) if settings.full else (2, 10, 40)
    seconds = (0.1, 0.01, 0.001)
    workloads = {key: Workload(seconds=s, trials=n) for key, s, n in zip(TARGETS, seconds, trials, strict=True)}
    everyone = contestants(settings)
    done = rounds(rest_of(everyone, RAY), workloads, 5 if settings.full else 1)
    if RAY in everyone:
        few = {"10 ms": replace(workloads["10 ms"], trials=min(RAY_TRIALS, workloads["10 ms"].trials))}
        done["10 ms"] |= rounds({RAY: everyone[RAY]}, few, 1)["10 ms"]
    shares = {key: _over_pool(measured) for key, measured in done.items()}
    names = [name for name in everyone if name != POOL]
    rows = [[name, *(number(shares[key].get(name)) for key in shares)] for name in names]
    rows.append(["(bare pool: busy share)", *(number(_busy(measured[POOL])) for measured in done.values())])
    return Report(
        title="throughput: simulations a second over those of a bare ProcessPoolExecutor, 2 slots, 10 replicates a trial",
        tables=[Table(["", *shares], rows)],
        targets=[Target(f"{OURS}, {key} a simulation", shares[key][OURS], "at least", TARGETS[key]) for key in shares],
        notes=[
            "a busy loop of so much processor time; racing and confirm off; the bare pool gets one task a trial",
            *ray_note(settings),
        ],
        figures={"over_pool": shares, "measured": _plain(done)},
    )


def _busy(measured: Sequence[Measured]) -> float:
    return median([each.busy for each in measured])


def _over_pool(measured: Mapping[str, Sequence[Measured]]) -> dict[str, float | None]:
    yardstick = _busy(measured[POOL])
    return {name: ratio(_busy(each), yardstick) for name, each in measured.items()}


def _plain(done: Mapping[str, Mapping[str, Sequence[Measured]]]) -> dict[str, object]:
    return {key: {name: [asdict(m) for m in each] for name, each in by.items()} for key, by in done.items()}
