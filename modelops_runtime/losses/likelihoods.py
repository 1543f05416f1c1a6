"""Observation models: log p(y | s), elementwise, fully normalised (so a loss is what a textbook would call -log p).

`x_term` gives the observed side's constants (y [N] -> Term), `x` the values (simulated [..., N], term) -> [..., N].
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from modelops_runtime.losses.observation_terms import LossError, Term
from modelops_runtime.statistics.array import Array

MEAN_FLOOR = 1e-6
"""Least mean of a count: a simulated 0 costs about 14 for each one observed, not infinity, and 0.000001 for none."""

PROBABILITY_FLOOR = 1e-6
"""Probabilities are kept between this and 1 minus this, for the same reason."""


PER_OBSERVATION: Mapping[str, str] = {"binomial": "n", "beta_binomial": "n", "normal": "sigma"}
"""Kind -> the option of it that may be a column of the data: one number an observation, `Term.a`."""


def _lgamma(x: Array) -> Array:
    return np.array([math.lgamma(value) for value in x])


def _log_choose(n: Array, y: Array) -> Array:
    return _lgamma(n + 1) - _lgamma(y + 1) - _lgamma(n - y + 1)


def mean_of_counts(simulated: Array, kind: str) -> Array:
    """The simulated mean, at least MEAN_FLOOR. LossError for a negative one."""
    if simulated.min(initial=0.0) < 0:
        raise LossError(f"{kind} wants simulated means of 0 or more, got {simulated.min():g}")
    return np.maximum(simulated, MEAN_FLOOR)


def probability(simulated: Array, kind: str) -> Array:
    """The simulated probability, PROBABILITY_FLOOR away from 0 and 1. LossError outside [0, 1]."""
    low, high = simulated.min(initial=0.0), simulated.max(initial=0.0)
    if low < 0 or high > 1 + 1e-9:
        raise LossError(f"{kind} wants simulated probabilities between 0 and 1, got {low if low < 0 else high:g}")
    return np.clip(simulated, PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)


def poisson_term(y: Array) -> Term:
    return Term("poisson", y, constant=-_lgamma(y + 1))


def poisson(simulated: Array, term: Term) -> Array:
    """log p = y log m - m - log y!, m the simulated mean, at least MEAN_FLOOR.

    Johnson, Kemp and Kotz, Univariate Discrete Distributions (2005), 4.1. LossError for a negative m.
    """
    mean = mean_of_counts(simulated, "poisson")
    return term.y * np.log(mean) - mean + term.constant


def negative_binomial_term(y: Array, dispersion: float) -> Term:
    constant = _lgamma(y + dispersion) - math.lgamma(dispersion) - _lgamma(y + 1)
    return Term("negative_binomial", y, constant=constant, option=dispersion)


def negative_binomial(simulated: Array, term: Term) -> Array:
    """log p = log G(y+k) - log G(k) - log y! + k log(k/(k+m)) + y log(m/(k+m)): mean m, variance m + m^2/k.

    k is `dispersion`; it grows towards Poisson. Lloyd-Smith, PLoS ONE 2(2): e180 (2007). m is at least MEAN_FLOOR.
    LossError for a negative m.
    """
    mean, k = mean_of_counts(simulated, "negative_binomial"), term.option
    return term.constant + term.y * np.log(mean / (k + mean)) - k * np.log1p(mean / k)


def binomial_term(y: Array, n: Array) -> Term:
    return Term("binomial", y, a=n, constant=_log_choose(n, y))


def binomial(simulated: Array, term: Term) -> Array:
    """log p = log C(n, y) + y log p + (n - y) log(1 - p), the simulated value being the probability p.

    Johnson, Kemp and Kotz (2005), 3.1. p is kept PROBABILITY_FLOOR away from 0 and 1; LossError outside [0, 1].
    """
    p = probability(simulated, "binomial")
    return term.constant + term.y * np.log(p) + (term.a - term.y) * np.log1p(-p)


def beta_binomial_term(y: Array, n: Array, dispersion: float) -> Term:
    constant = _log_choose(n, y) + math.lgamma(dispersion) - _lgamma(n + dispersion)
    return Term("beta_binomial", y, a=n, constant=constant, option=dispersion)


def beta_binomial(simulated: Array, term: Term) -> Array:
    """log p = log C(n, y) + log B(y+a, n-y+b) - log B(a, b) with a = p d, b = (1-p) d, p the simulated mean probability.

    d is `dispersion` = alpha + beta: the intra-class correlation is 1 / (d + 1), so it grows towards binomial, as the
    negative binomial's does towards Poisson. Johnson, Kemp and Kotz (2005), 6.2; this parametrisation: Bolker, Ecological
    Models and Data in R (2008), 4.5. p is kept PROBABILITY_FLOOR away from 0 and 1; LossError outside [0, 1].
    """
    from scipy.special import gammaln

    p, d = probability(simulated, "beta_binomial"), term.option
    alpha, beta = p * d, (1 - p) * d
    rising = gammaln(np.stack([term.y + alpha, term.a - term.y + beta, alpha, beta]))
    return term.constant + rising[0] + rising[1] - rising[2] - rising[3]


def normal_term(y: Array, sigma: Array) -> Term:
    return Term("normal", y, a=sigma, constant=-np.log(sigma) - 0.5 * math.log(2 * math.pi))


def normal(simulated: Array, term: Term) -> Array:
    """log p = -log sigma - log(2 pi)/2 - ((y - s) / sigma)^2 / 2.

    Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1 (1994), 13.1.
    """
    z = (term.y - simulated) / term.a
    return term.constant - 0.5 * z * z
