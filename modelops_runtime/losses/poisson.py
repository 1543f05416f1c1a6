"""poisson: counts around the simulated mean."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from modelops_runtime.losses.counts import lgamma, mean_of_counts, refuse_other_than_counts
from modelops_runtime.losses.loss import Loss, Observed, Rng, Term
from modelops_runtime.losses.nuisance import LossOptions
from modelops_runtime.statistics.array import Array


class PoissonLoss(LossOptions):
    """Counts around the simulated value."""

    kind: Literal["poisson"] = "poisson"


def prepare(_options: PoissonLoss, observed: Observed) -> Array:
    """No numbers of its own."""
    refuse_other_than_counts(observed.y, "poisson")
    return np.zeros(0)


def constant(term: Term) -> Array:
    return -lgamma(term.y + 1)


def value(simulated: Array, term: Term) -> Array:
    """log p = y log m - m - log y!, m the simulated mean, at least MEAN_FLOOR.

    Johnson, Kemp and Kotz, Univariate Discrete Distributions (2005), 4.1. LossError for a negative m.
    """
    mean = mean_of_counts(simulated, "poisson")
    return term.y * np.log(mean) - mean + term.constant


def draw(simulated: Array, _term: Term, rng: Rng) -> NDArray[Any]:
    return rng.poisson(mean_of_counts(simulated, "poisson"))


LOSS = Loss(options=PoissonLoss, family="likelihood", prepare=prepare, constant=constant, value=value, draw=draw)
