"""The boarding school by mean-signal loss, 10 replicates a set: how good the answer is, and how soon it is good.

Each answer is judged by `school.judged`: the loss over 200 fresh replicates that no search has met. "Good" is within 25 %
of the best known, which ten times the budget found beforehand. The time to it is that of the first best-so-far which is
good when judged; a run whose best-so-far never is counts as its whole wall time. Optuna has noise of its own in each trial.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from modelops_runtime.contracts.trial import TrialStatus
from tests.bench import ours, school
from tests.bench.peers import optuna_processes
from tests.bench.report import Report, Settings, Table, Target, median, number, ratio
from tests.bench.workload import REPLICATES

SPEC = """
version: 1
name: bench
model: {{entrypoint: "model.py:simulate", timeout: 30s, memory: 1Gi}}
parameters:
  beta: {{min: {beta[0]}, max: {beta[1]}, scale: log}}
  gamma: {{min: {gamma[0]}, max: {gamma[1]}, scale: log}}
  population: {population}
targets:
  in_bed: {{observed: influenza.csv, match: {{exact: day}}, value: in_bed, loss: mean_signal}}
search: {{trials: {trials}, replicates: {replicates}, seed: {seed}{extra}}}
"""

OPTUNA = "optuna, 2 processes"
DEFAULTS = "modelops, defaults"
VARIANTS = {
    DEFAULTS: "",
    "modelops, racing off": ", racing: false",
    "modelops, common noise": ", common_random_numbers: true",
    "modelops, common, no racing": ", racing: false, common_random_numbers: true",
}
LOSS_LIMIT, TIME_LIMIT = 0.5, 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best so far, from some moment on."""

    at_s: float
    simulations: int
    beta: float
    gamma: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """One search."""

    path: Sequence[Best]
    """Each best-so-far, in the order of time; the last is the answer."""
    wall_s: float
    simulations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What became of it. `good_*` are the whole search's where `arrived` is False."""

    loss: float
    simulations: int
    arrived: bool
    good_s: float
    good_simulations: int


def run(settings: Settings) -> Report:
    trials, seeds, batches = (200, 6, 5) if settings.full else (60, 2, 1)
    variants = VARIANTS if settings.full else {name: VARIANTS[name] for name in list(VARIANTS)[:3]}
    makers: dict[str, Callable[[int], Searched]] = {OPTUNA: lambda seed: _optuna(trials, seed)}
    makers |= {name: _ours_with(extra, trials) for name, extra in variants.items()}
    searched = {name: [make(seed) for seed in range(1, seeds + 1)] for name, make in makers.items()}
    done = {name: [_judge(each, batches) for each in of_seeds] for name, of_seeds in searched.items()}
    best = school.judged(**school.BEST_KNOWN, batches=batches)
    medians = {name: _medians(each) for name, each in done.items()}
    peer, mine = medians[OPTUNA], medians[DEFAULTS]
    return Report(
        title=f"answer: boarding school, mean-signal loss, {trials} trials x {REPLICATES}, 2 slots, {seeds} seeds",
        tables=[_table(medians, done)],
        targets=[
            Target("loss at the answer, ours over Optuna's", ratio(mine["loss"], peer["loss"]), "at most", LOSS_LIMIT),
            Target(
                "time to a good answer, ours over Optuna's",
                ratio(mine["good_s"], peer["good_s"]),
                "at most",
                TIME_LIMIT,
            ),
        ],
        notes=[
            f"medians; best known {number(best)}, good: within {school.WITHIN - 1:.0%} of it; "
            f"losses are over {school.JUDGED_BY} fresh replicates, averaged over {batches} such lots",
            "our simulations include those that confirm the best; 'good after' is the whole search where it never was",
        ],
        figures={
            "best_known": best,
            "medians": medians,
            "runs": {name: [asdict(each) for each in runs] for name, runs in done.items()},
        },
    )


def _table(medians: Mapping[str, Mapping[str, float]], done: Mapping[str, Sequence[Judged]]) -> Table:
    rows = [
        [
            name,
            number(m["loss"], 4),
            number(ratio(m["loss"], medians[OPTUNA]["loss"])),
            number(max(each.loss for each in done[name]), 4),
            number(m["simulations"], 5),
            f"{m['good_s']:.2f}",
            number(ratio(m["good_s"], medians[OPTUNA]["good_s"])),
            number(m["good_simulations"], 5),
            f"{sum(each.arrived for each in done[name])}/{len(done[name])}",
        ]
        for name, m in medians.items()
    ]
    columns = ["", "loss", "ratio", "worst", "simulations", "good after s", "ratio", "good after sims", "good"]
    return Table(columns, rows)


def _medians(runs: Sequence[Judged]) -> dict[str, float]:
    names = ("loss", "simulations", "good_s", "good_simulations")
    return {name: median([getattr(each, name) for each in runs]) for name in names}


def _judge(searched: Searched, batches: int) -> Judged:
    answer = searched.path[-1]
    good = next((b for b in searched.path if school.is_good(b.beta, b.gamma, batches=batches)), None)
    return Judged(
        loss=school.judged(answer.beta, answer.gamma, batches=batches),
        simulations=searched.simulations,
        arrived=good is not None,
        good_s=good.at_s if good else searched.wall_s,
        good_simulations=good.simulations if good else searched.simulations,
    )


# ModelOps


def _ours_with(extra: str, trials: int) -> Callable[[int], Searched]:
    return lambda seed: _ours(extra, trials, seed)


def _ours(extra: str, trials: int, seed: int) -> Searched:
    with TemporaryDirectory(prefix="modelops-bench-") as folder:
        root = Path(folder)
        for name in ("model.py", "influenza.csv"):
            copyfile(school.EXAMPLE / name, root / name)
        text = SPEC.format(
            **school.BOUNDS, population=school.POPULATION, trials=trials, replicates=REPLICATES, seed=seed, extra=extra
        )
        (root / "adaptive.yaml").write_text(text)
        done = ours.run(root / "adaptive.yaml")
    path: list[Best] = []
    least = np.inf
    for at, trial, counts in done.finished:
        eligible = trial.phase == "search" and trial.status is TrialStatus.COMPLETED and not trial.stopped_early
        if eligible and trial.loss is not None and trial.params is not None and trial.loss < least:
            least = trial.loss
            path.append(_best(at - done.started, counts.simulations, trial.params))
    simulations = done.report.simulations
    path.append(_best(done.wall_s, simulations, done.report.summary["params"]))
    return Searched(path=path, wall_s=done.wall_s, simulations=simulations)


def _best(at_s: float, simulations: int, params: Mapping[str, Any]) -> Best:
    return Best(at_s=at_s, simulations=simulations, beta=float(params["beta"]), gamma=float(params["gamma"]))


# Optuna


def _optuna(trials: int, seed: int) -> Searched:
    done = optuna_processes.run(_objective, seed, trials=trials, seed=seed)
    path: list[Best] = []
    least = np.inf
    for count, (at, loss, params, _attributes) in enumerate(done.trials, start=1):
        if loss < least:
            least = loss
            path.append(_best(at - done.started, REPLICATES * count, params))
    return Searched(path=path, wall_s=done.wall_s, simulations=REPLICATES * len(done.trials))


def _objective(seed: int, trial: Any) -> float:
    beta, gamma = (trial.suggest_float(name, *bounds, log=True) for name, bounds in school.BOUNDS.items())
    noise = np.random.SeedSequence([seed, trial.number]).generate_state(REPLICATES, np.uint64)
    return school.loss_of(beta, gamma, [int(word) for word in noise])
