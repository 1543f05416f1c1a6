"""Small models whose likelihood is known exactly, and what filters them in these tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.special import logsumexp

from modelops_runtime.evaluation.particle_filter import ParticleFilter
from modelops_runtime.evaluation.plan import plan_targets
from modelops_runtime.models.restartable import Restartable, restartable_of
from modelops_runtime.specs.targets import TargetSpec

A, Q, SIGMA, FIRST = 0.9, 0.7, 0.5, 1.2
"""x_0 ~ N(0, FIRST^2), x_t = A x_(t-1) + N(0, Q^2), y_t = x_t + N(0, SIGMA^2)."""

STAYS, MEANS = 0.8, (1.0, 5.0)
"""A chain of two states that stays with probability STAYS; y_t is Poisson with the mean of its state."""


class Walk:
    """The linear Gaussian model, one row for each whole time."""

    def start(self, params: dict[str, Any], rng: np.random.Generator) -> Any:
        return {"t": 0, "x": FIRST * rng.normal()}

    def advance(self, state: Any, params: dict[str, Any], rng: np.random.Generator, until: int) -> Any:
        t, x = state["t"], state["x"]
        times, values = [], []
        while t < until:
            t, x = t + 1, A * x + Q * rng.normal()
            times.append(t)
            values.append(x)
        return {"t": t, "x": x}, {"t": np.array(times, dtype=np.int64), "x": np.array(values)}


class WalkTogether(Walk):
    """The same for all particles at once."""

    def start(self, params: dict[str, Any], rng: np.random.Generator) -> Any:
        return np.array([0.0, FIRST * rng.normal()])

    def advance_all(self, states: Any, params: dict[str, Any], rng: np.random.Generator, until: int) -> Any:
        x, times, values = states[:, 1], [], []
        for t in range(int(states[0, 0]) + 1, until + 1):
            x = A * x + Q * rng.normal(size=len(x))
            times.append(t)
            values.append(x)
        after = np.stack([np.full(len(x), float(until)), x], axis=1)
        return after, {"t": np.array(times, dtype=np.int64), "x": np.array(values).reshape(len(times), len(x)).T}

    def advance(self, state: Any, params: dict[str, Any], rng: np.random.Generator, until: int) -> Any:
        (after,), rows = self.advance_all(state[None], params, rng, until)
        return after, {"t": rows["t"], "x": rows["x"][0]}


class Chain:
    """The two states; a state is a tuple, rows are lists."""

    def start(self, params: dict[str, Any], rng: np.random.Generator) -> Any:
        return 0, int(rng.random() < 0.5)

    def advance(self, state: Any, params: dict[str, Any], rng: np.random.Generator, until: int) -> Any:
        t, s = state
        rows: dict[str, list[float]] = {"t": [], "mean": []}
        while t < until:
            t, s = t + 1, s if rng.random() < STAYS else 1 - s
            rows["t"].append(t)
            rows["mean"].append(MEANS[s])
        return (t, s), rows


def kalman(times: Sequence[int], y: Sequence[float]) -> float:
    """log p(y) of the linear Gaussian model, observed at some times (Kalman, 1960)."""
    mean, variance, total, now = 0.0, FIRST**2, 0.0, 0
    for t, seen in zip(times, y, strict=True):
        for _ in range(t - now):
            mean, variance = A * mean, A * A * variance + Q * Q
        now = t
        scale = variance + SIGMA**2
        total += -0.5 * (np.log(2 * np.pi * scale) + (seen - mean) ** 2 / scale)
        gain = variance / scale
        mean, variance = mean + gain * (seen - mean), (1 - gain) * variance
    return float(total)


def forward(y: Sequence[int], means: Sequence[float] = MEANS) -> float:
    """log p(y) of the chain, observed at t = 1, 2, ... (Baum and Petrie, 1966)."""
    move = np.log(np.array([[STAYS, 1 - STAYS], [1 - STAYS, STAYS]]))
    log_p = np.log([0.5, 0.5])
    factorials = np.cumsum(np.log(np.maximum(np.arange(200), 1)))
    for seen in y:
        log_p = logsumexp(log_p[:, None] + move, axis=0)
        log_p = log_p + seen * np.log(means) - np.array(means) - factorials[seen]
    return float(logsumexp(log_p))


def restartable(model: Any) -> Restartable:
    found = restartable_of(model, "model.py:Model", {})
    assert found is not None
    return found


def filter_of(targets: dict[str, dict[str, Any]], data: dict[str, Any], particles: int) -> ParticleFilter:
    """`data` is the table of all targets, or one for each by its name."""
    specs = {name: TargetSpec.model_validate({"observed": "data.csv", **given}) for name, given in targets.items()}
    tables = {name: pa.table(data[name] if isinstance(data.get(name), dict) else data) for name in specs}
    plan = plan_targets(specs, tables, root=Path(), particles=particles)
    assert plan.particle_filter is not None
    return plan.particle_filter


def log_likelihoods(made: ParticleFilter, model: Any, seeds: Sequence[int], **params: Any) -> np.ndarray:
    """The estimate of each run of the filter."""
    runs = [made.run(restartable(model), params, seed)[0] for seed in seeds]
    return np.array([run[len(run) // 2 :].sum() for run in runs])
