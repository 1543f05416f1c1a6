"""Shared by losses of counts. Likelihoods are fully normalised, so a loss is -log p as in a textbook."""

from __future__ import annotations

import math

import numpy as np

from modelops_runtime.losses.loss import LossError, OptionProblem
from modelops_runtime.statistics.array import Array

MEAN_FLOOR = 1e-6
"""Least mean of a count, so that a simulated 0 has a finite loss: about 14 for each observed case."""


def refuse_other_than_counts(y: Array, kind: str) -> None:
    """Raises OptionProblem if an observation is not a whole number of 0 or more."""
    wrong = np.flatnonzero((y < 0) | (y != np.floor(y)))
    if len(wrong):
        text = f"{kind} is for counts, and observation {wrong[0] + 1} is {y[wrong[0]]:g}"
        raise OptionProblem("", text, "fix it, or take normal or mean_signal")


def mean_of_counts(simulated: Array, kind: str) -> Array:
    """The simulated mean, at least MEAN_FLOOR. LossError for a negative one."""
    if simulated.min(initial=0.0) < 0:
        raise LossError(f"{kind} wants simulated means of 0 or more, got {simulated.min():g}")
    return np.maximum(simulated, MEAN_FLOOR)


def lgamma(x: Array) -> Array:
    return np.array([math.lgamma(value) for value in x])


CANCELS_FROM = 1e8
"""Base from which two log-gammas of nearly equal size leave too few digits of their difference."""


def log_rising(base: Array, count: Array) -> Array:
    """log G(base + count) - log G(base) for bases of CANCELS_FROM and more, of any size; broadcasts.

    By Stirling's series (Abramowitz and Stegun, 6.1.41), of which the terms that cancel are taken together.
    """
    total = base + count
    series = (1 / total - 1 / base) / 12
    return (base - 0.5) * np.log1p(count / base) + count * np.log(total) - count + series
