"""What an ask and its tell cost with many trials before, and what the bounded history does to the answers.

Both sides are given the same random trials of a Rosenbrock valley in two parameters; then each asks and tells in turn.
The second table searches functions without noise with some hundred trials: there a sampler that forgets would fall behind.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from modelops_runtime.algorithms.registry import load_algorithm
from modelops_runtime.contracts.algorithm import AdaptiveAlgorithm, DrawsByNumber, SeesPending
from modelops_runtime.contracts.parameters import Scalar, UniqueParameterSet
from modelops_runtime.contracts.space import ParameterSpace, RealParameter
from modelops_runtime.contracts.trial import TrialResult
from tests.bench.report import Report, Settings, Table, Target, median, number, percentile, ratio

LOW, HIGH = -2.0, 2.0
Function = Callable[[Mapping[str, Any]], float]


def rosenbrock(p: Mapping[str, Any]) -> float:
    """100 (b - a^2)^2 + (1 - a)^2: a curved valley, least (0) at (1, 1)."""
    return 100 * (p["b"] - p["a"] ** 2) ** 2 + (1 - p["a"]) ** 2


def ridge(p: Mapping[str, Any]) -> float:
    """Two parameters of which the data see nearly the sum alone, and two of little weight: least (0) at 0."""
    return (p["a"] + p["b"]) ** 2 + 0.01 * (p["a"] - p["b"]) ** 2 + 0.1 * p["c"] ** 2 + 0.01 * p["d"] ** 2


def rastrigin(p: Mapping[str, Any]) -> float:
    """sum x^2 + 3 (1 - cos 2 pi x) over four parameters: a bowl full of dents, least (0) at 0."""
    return sum(x * x + 3 * (1 - math.cos(2 * math.pi * x)) for x in p.values())


FUNCTIONS: dict[str, tuple[Function, str]] = {
    "rosenbrock, 2": (rosenbrock, "ab"),
    "ridge, 4": (ridge, "abcd"),
    "rastrigin, 4": (rastrigin, "abcd"),
}


def run(settings: Settings) -> Report:
    before, times = (10_000, 200) if settings.full else (2_000, 50)
    ours, plain = Ours("ab", seed=1), Plain("ab", seed=1)
    draw = random.Random(1)
    past = [{name: draw.uniform(LOW, HIGH) for name in "ab"} for _ in range(before)]
    for side in (ours, plain):
        side.learn(past, [rosenbrock(params) for params in past])
        side.step(rosenbrock)  # imports
    seconds: dict[str, list[float]] = {"modelops": [], "plain multivariate TPE": []}
    for _ in range(times):
        for side, mine in zip((ours, plain), seconds.values(), strict=True):
            started = time.perf_counter()
            side.step(rosenbrock)
            mine.append(time.perf_counter() - started)
    p95 = {name: 1000 * percentile(values, 0.95) for name, values in seconds.items()}
    rows = [[name, f"{1000 * median(s):.1f}", f"{p95[name]:.1f}"] for name, s in seconds.items()]
    tables = [Table([f"ms, ask + tell after {before:,}", "median", "p95"], rows)]
    answers, shown = _answers(trials=600, seeds=24) if settings.full else _answers(trials=40, seeds=1)
    return Report(
        title="asking: the default sampler beside Optuna's plain multivariate TPE",
        tables=[*tables, shown],
        targets=[
            Target(f"ask + tell after {before:,}, p95 in ms", p95["modelops"], "at most", 50),
            Target(
                "answers: ours over plain, geometric mean of the functions", _mean(answers.values()), "at most", 1.1
            ),
        ],
        figures={"p95_ms": p95, "seconds": seconds, "answers": answers},
    )


def _answers(*, trials: int, seeds: int) -> tuple[dict[str, float | None], Table]:
    """Medians over seeds of the least value found, the same number of trials each."""
    found: dict[str, float | None] = {}
    rows: list[Sequence[str]] = []
    for name, (function, names) in FUNCTIONS.items():
        sides = [[_least(make(names, seed=seed), function, trials) for seed in range(seeds)] for make in (Ours, Plain)]
        ours, plain = map(median, sides)
        found[name] = ratio(ours, plain)
        rows.append([name, number(ours), number(plain), number(found[name])])
    columns = [f"least value after {trials}, median of {seeds}", "modelops", "plain", "ratio"]
    return found, Table(columns, rows)


def _mean(ratios: Iterable[float | None]) -> float:
    return statistics.geometric_mean(each for each in ratios if each)


def _least(side: Ours | Plain, function: Function, trials: int) -> float:
    return min(side.step(function) for _ in range(trials))


class Ours:
    """The default algorithm, driven as the runner drives it."""

    def __init__(self, names: str, *, seed: int) -> None:
        space = ParameterSpace(tuple(RealParameter(name=name, low=LOW, high=HIGH) for name in names))
        self._algorithm: AdaptiveAlgorithm = load_algorithm("optuna", space, seed, {})
        self._next = 0

    def learn(self, sets: Sequence[Mapping[str, Scalar]], losses: Sequence[float]) -> None:
        for params, loss in zip(sets, losses, strict=True):
            self._tell(UniqueParameterSet.of(params), loss)

    def step(self, function: Function) -> float:
        """Ask, compute, tell; returns the loss."""
        algorithm = self._algorithm
        if isinstance(algorithm, SeesPending):
            algorithm.pending([])
        if isinstance(algorithm, DrawsByNumber):
            algorithm.at_trial(self._next, self._next)
        (asked,) = algorithm.ask(1)
        loss = function(asked.params)
        self._tell(asked, loss)
        return loss

    def _tell(self, asked: UniqueParameterSet, loss: float) -> None:
        diagnostics = {"trial": self._next, "params": asked.params, "replicates": 1, "stopped_early": False}
        self._algorithm.tell([TrialResult(asked.param_id, loss, diagnostics)])
        self._next += 1


class Plain:
    """An Optuna study in memory with `TPESampler(multivariate=True)`."""

    def __init__(self, names: str, *, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._distributions: dict[str, Any] = {
            name: optuna.distributions.FloatDistribution(LOW, HIGH) for name in names
        }
        self._study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed, multivariate=True))

    def learn(self, sets: Sequence[Mapping[str, Scalar]], losses: Sequence[float]) -> None:
        import optuna

        for params, loss in zip(sets, losses, strict=True):
            self._study.add_trial(
                optuna.create_trial(params=dict(params), distributions=self._distributions, value=loss)
            )

    def step(self, function: Function) -> float:
        trial = self._study.ask(self._distributions)
        loss = function(trial.params)
        self._study.tell(trial, loss)
        return loss
