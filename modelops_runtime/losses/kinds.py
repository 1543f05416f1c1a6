"""Losses that measure a distance, and the table of all kinds.

R is the number of replicates, N of observations; y_i is what was observed, s_ri what replicate r simulated and
m_i = (1/R) sum_r s_ri. Every kind is one elementwise function, here over m [N] or s [R, N]; `Family` says what becomes of it:

- MEAN: J = (1/N) sum_i f(m_i, y_i), a function of the mean over replicates;
- EACH: J = (1/R) sum_r (1/N) sum_i f(s_ri, y_i), the mean of the replicates' own losses;
- LIKELIHOOD: l_r = sum_i log p(y_i | s_ri); the Scorer marginalises over replicates once, over all targets together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np

from modelops_runtime.losses import likelihoods
from modelops_runtime.losses.observation_terms import LossError, OptionProblem, Term
from modelops_runtime.specs import losses as specs
from modelops_runtime.statistics.array import Array

__all__ = ["KINDS", "Family", "Kind", "LossError", "OptionProblem", "term_of"]


class Family(Enum):
    """What becomes of a kind's elementwise values."""

    MEAN = "mean"
    EACH = "each"
    LIKELIHOOD = "likelihood"


def squared(simulated: Array, term: Term) -> Array:
    """(y - x)^2. Over m it is mean_signal, over each replicate annealed.

    annealed = mean_signal + (1/N) sum_i (1/R) sum_r (s_ri - m_i)^2, so it is never the smaller one: bias-variance
    decomposition (Geman, Bienenstock and Doursat, Neural Computation 4, 1992).
    """
    error = term.y - simulated
    return error * error


def absolute(simulated: Array, term: Term) -> Array:
    """|y - m|: mean absolute error (Willmott and Matsuura, Climate Research 30, 2005). Less drawn to outliers than squares."""
    return np.abs(term.y - simulated)


def relative(simulated: Array, term: Term) -> Array:
    """((y - m) / max(|y|, floor))^2: mean squared relative error (Park and Stefanski, Statistics & Probability Letters 40, 1998).

    `floor`, 1 by default and in the data's own unit, keeps observations near 0 from outweighing all others.
    """
    error = (term.y - simulated) / term.a
    return error * error


def log(simulated: Array, term: Term) -> Array:
    """(log(y + offset) - log(m + offset))^2: mean squared logarithmic error, with `offset` 1 by default: log1p.

    LossError where m + offset is not above 0.
    """
    shifted = simulated + term.option
    if shifted.min(initial=np.inf) <= 0:
        raise LossError(f"log wants simulated values above {-term.option:g}, got {simulated.min():g}")
    error = term.constant - np.log(shifted)
    return error * error


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind's family and its elementwise function (values [..., N], term) -> [..., N]."""

    family: Family
    each: Callable[[Array, Term], Array]


KINDS: Mapping[str, Kind] = {
    "mean_signal": Kind(Family.MEAN, squared),
    "annealed": Kind(Family.EACH, squared),
    "absolute": Kind(Family.MEAN, absolute),
    "relative": Kind(Family.MEAN, relative),
    "log": Kind(Family.MEAN, log),
    "poisson": Kind(Family.LIKELIHOOD, likelihoods.poisson),
    "negative_binomial": Kind(Family.LIKELIHOOD, likelihoods.negative_binomial),
    "binomial": Kind(Family.LIKELIHOOD, likelihoods.binomial),
    "beta_binomial": Kind(Family.LIKELIHOOD, likelihoods.beta_binomial),
    "normal": Kind(Family.LIKELIHOOD, likelihoods.normal),
}


def term_of(spec: object, y: Array, columns: Mapping[str, Array]) -> Term:
    """The constants of a LossSpec (no function of one's own) over observations y [N].

    `columns` are the observed data's numeric columns, at the same rows. Raises OptionProblem.
    """
    match spec:
        case specs.RelativeLoss(floor=floor):
            return Term("relative", y, a=np.maximum(np.abs(y), floor))
        case specs.LogLoss(offset=offset):
            if y.min() + offset <= 0:
                raise OptionProblem(
                    "offset", f"{y.min():g} was observed, {offset:g} is added", f"take one above {-y.min():g}"
                )
            return Term("log", y, constant=np.log(y + offset), option=offset)
        case specs.PoissonLoss():
            return likelihoods.poisson_term(_counts(y, "poisson"))
        case specs.NegativeBinomialLoss(dispersion=dispersion):
            return likelihoods.negative_binomial_term(_counts(y, "negative_binomial"), dispersion)
        case specs.BinomialLoss(n=n):
            return likelihoods.binomial_term(_counts(y, "binomial"), _trials(n, y, columns))
        case specs.BetaBinomialLoss(n=n, dispersion=dispersion):
            return likelihoods.beta_binomial_term(_counts(y, "beta_binomial"), _trials(n, y, columns), dispersion)
        case specs.NormalLoss(sigma=sigma):
            return likelihoods.normal_term(y, _numbers("sigma", sigma, y, columns))
        case specs.MeanSignalLoss() | specs.AnnealedLoss() | specs.AbsoluteLoss():
            return Term(spec.kind, y)
        case _:
            raise TypeError(f"no loss: {spec!r}")


def _counts(y: Array, kind: str) -> Array:
    wrong = np.flatnonzero((y < 0) | (y != np.floor(y)))
    if len(wrong):
        text = f"{kind} is for counts, and observation {wrong[0] + 1} is {y[wrong[0]]:g}"
        raise OptionProblem("", text, "mend it, or take normal or mean_signal")
    return y


def _trials(n: float | str, y: Array, columns: Mapping[str, Array]) -> Array:
    trials = _numbers("n", n, y, columns)
    if len(odd := trials[trials != np.floor(trials)]):
        raise OptionProblem("n", f"n is {odd[0]:g}", "n is a whole number")
    if (over := y > trials).any():
        raise OptionProblem(
            "n", f"{y[over][0]:g} was observed of n = {trials[over][0]:g}", "n is at least what was observed"
        )
    return trials


def _numbers(key: str, value: float | str, y: Array, columns: Mapping[str, Array]) -> Array:
    if not isinstance(value, str):
        return np.full(len(y), float(value))
    if value not in columns:
        numeric = ", ".join(columns) or "none"
        raise OptionProblem(
            key, f"no column of numbers {value!r} in the observed data", f"its columns of numbers: {numeric}"
        )
    found = columns[value]
    if not (np.isfinite(found) & (found > 0)).all():
        bad = next(float(x) for x in found if not (math.isfinite(x) and x > 0))
        raise OptionProblem(key, f"column {value!r} holds {bad:g}", f"{key} is above 0 wherever something was observed")
    return found
