"""negative_binomial: counts around the simulated mean, with more scatter than poisson."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from modelops_runtime.losses.counts import CANCELS_FROM, lgamma, log_rising, mean_of_counts, refuse_other_than_counts
from modelops_runtime.losses.loss import Loss, Observed, Rng, Term
from modelops_runtime.losses.nuisance import Found, LossOptions
from modelops_runtime.statistics.array import Array


class NegativeBinomialLoss(LossOptions):
    """Counts around the simulated value m with variance m + m^2 / dispersion."""

    kind: Literal["negative_binomial"] = "negative_binomial"
    dispersion: Found = Field(description="k; large values come close to Poisson")


def prepare(_options: NegativeBinomialLoss, observed: Observed) -> Array:
    """No numbers of its own."""
    refuse_other_than_counts(observed.y, "negative_binomial")
    return np.zeros(0)


def constant(term: Term) -> Array:
    k = term.options.dispersion
    rising = lgamma(term.y + k) - math.lgamma(k) if k < CANCELS_FROM else log_rising(np.array(k), term.y)
    return rising - lgamma(term.y + 1)


def value(simulated: Array, term: Term) -> Array:
    """log p = log G(y+k) - log G(k) - log y! + k log(k/(k+m)) + y log(m/(k+m)): mean m, variance m + m^2/k.

    k is `dispersion`; it grows towards Poisson. Lloyd-Smith, PLoS ONE 2(2): e180 (2007). m is at least MEAN_FLOOR.
    LossError for a negative m.
    """
    mean, k = mean_of_counts(simulated, "negative_binomial"), term.options.dispersion
    return term.constant + term.y * np.log(mean / (k + mean)) - k * np.log1p(mean / k)


def draw(simulated: Array, term: Term, rng: Rng) -> NDArray[Any]:
    """A Poisson count whose mean is gamma distributed: mean m, variance m + m^2/k."""
    mean, k = mean_of_counts(simulated, "negative_binomial"), term.options.dispersion
    return rng.poisson(rng.gamma(k, mean / k))


LOSS = Loss(
    options=NegativeBinomialLoss,
    family="likelihood",
    prepare=prepare,
    constant=constant,
    value=value,
    draw=draw,
)
