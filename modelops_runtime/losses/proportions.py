"""Shared by losses of a count among n whose model simulates a probability."""

from __future__ import annotations

import numpy as np

from modelops_runtime.losses.columns import numbers
from modelops_runtime.losses.counts import lgamma, refuse_other_than_counts
from modelops_runtime.losses.loss import LossError, Observed, OptionProblem
from modelops_runtime.statistics.array import Array

PROBABILITY_FLOOR = 1e-6
"""Probabilities are kept between this and 1 minus this, so that a simulated 0 has a finite loss."""


def trials(kind: str, n: float | str, observed: Observed) -> Array:
    """n of each observation [N]: whole, and at least what was observed. Raises OptionProblem."""
    refuse_other_than_counts(observed.y, kind)
    found = numbers("n", n, observed)
    if len(odd := found[found != np.floor(found)]):
        raise OptionProblem("n", f"n is {odd[0]:g}", "n is a whole number")
    if (over := observed.y > found).any():
        wrong = f"{observed.y[over][0]:g} was observed of n = {found[over][0]:g}"
        raise OptionProblem("n", wrong, "n is at least what was observed")
    return found


def probability(simulated: Array, kind: str) -> Array:
    """The simulated probability, PROBABILITY_FLOOR away from 0 and 1. LossError outside [0, 1]."""
    low, high = simulated.min(initial=0.0), simulated.max(initial=0.0)
    if low < 0 or high > 1 + 1e-9:
        raise LossError(f"{kind} wants simulated probabilities between 0 and 1, got {low if low < 0 else high:g}")
    return np.clip(simulated, PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)


def log_choose(n: Array, y: Array) -> Array:
    return lgamma(n + 1) - lgamma(y + 1) - lgamma(n - y + 1)


def expected(probability: Array, n: Array) -> Array:
    """n p: a probability in the unit of the counts."""
    return probability * n
