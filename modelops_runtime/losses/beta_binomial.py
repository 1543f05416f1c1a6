"""beta_binomial: observed successes among n, with more scatter than binomial."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from modelops_runtime.losses.columns import NumberOrColumn
from modelops_runtime.losses.counts import CANCELS_FROM, lgamma, log_rising
from modelops_runtime.losses.loss import Loss, Observed, Rng, Term
from modelops_runtime.losses.nuisance import Found, LossOptions
from modelops_runtime.losses.proportions import expected, log_choose, probability, trials
from modelops_runtime.statistics.array import Array


class BetaBinomialLoss(LossOptions):
    """Observed successes among n, with more scatter than binomial; the simulated value is the mean probability."""

    kind: Literal["beta_binomial"] = "beta_binomial"
    n: NumberOrColumn = Field(description="trials: a number, or a column of the observed data")
    dispersion: Found = Field(description="alpha + beta; large values come close to binomial")


def prepare(options: BetaBinomialLoss, observed: Observed) -> Array:
    """n."""
    return trials("beta_binomial", options.n, observed)


def constant(term: Term) -> Array:
    d = term.options.dispersion
    if d >= CANCELS_FROM:
        return log_choose(term.a, term.y) - log_rising(np.array(d), term.a)
    return log_choose(term.a, term.y) + math.lgamma(d) - lgamma(term.a + d)


def value(simulated: Array, term: Term) -> Array:
    """log p = log C(n, y) + log B(y+a, n-y+b) - log B(a, b) with a = p d, b = (1-p) d, p the simulated mean probability.

    d is `dispersion` = alpha + beta: the intra-class correlation is 1 / (d + 1), so it grows towards binomial, as the
    negative binomial's does towards Poisson. Johnson, Kemp and Kotz (2005), 6.2; this parametrisation: Bolker, Ecological
    Models and Data in R (2008), 4.5. p is kept PROBABILITY_FLOOR away from 0 and 1; LossError outside [0, 1].
    """
    from scipy.special import gammaln

    p, d = probability(simulated, "beta_binomial"), term.options.dispersion
    alpha, beta = p * d, (1 - p) * d
    if d >= CANCELS_FROM:
        return term.constant + _rising(alpha, term.y) + _rising(beta, term.a - term.y)
    rising = gammaln(np.stack([term.y + alpha, term.a - term.y + beta, alpha, beta]))
    return term.constant + rising[0] + rising[1] - rising[2] - rising[3]


def _rising(base: Array, count: Array) -> Array:
    """log G(base + count) - log G(base), of bases small and large."""
    from scipy.special import gammaln

    large = np.maximum(base, CANCELS_FROM)
    return np.where(base < CANCELS_FROM, gammaln(base + count) - gammaln(base), log_rising(large, count))


def draw(simulated: Array, term: Term, rng: Rng) -> NDArray[Any]:
    p, d = probability(simulated, "beta_binomial"), term.options.dispersion
    return rng.binomial(term.a.astype(np.int64), rng.beta(p * d, (1 - p) * d))


LOSS = Loss(
    options=BetaBinomialLoss,
    family="likelihood",
    prepare=prepare,
    constant=constant,
    value=value,
    draw=draw,
    per_observation="n",
    in_observed_unit=expected,
    simulated_as="probability",
)
