"""binomial: observed successes among n, the simulated value being the probability."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from modelops_runtime.losses.columns import NumberOrColumn
from modelops_runtime.losses.loss import Loss, Observed, Rng, Term
from modelops_runtime.losses.nuisance import LossOptions
from modelops_runtime.losses.proportions import expected, log_choose, probability, trials
from modelops_runtime.statistics.array import Array


class BinomialLoss(LossOptions):
    """Observed successes among n, the simulated value being the probability."""

    kind: Literal["binomial"] = "binomial"
    n: NumberOrColumn = Field(description="trials: a number, or a column of the observed data")


def prepare(options: BinomialLoss, observed: Observed) -> Array:
    """n."""
    return trials("binomial", options.n, observed)


def constant(term: Term) -> Array:
    return log_choose(term.a, term.y)


def value(simulated: Array, term: Term) -> Array:
    """log p = log C(n, y) + y log p + (n - y) log(1 - p), the simulated value being the probability p.

    Johnson, Kemp and Kotz (2005), 3.1. p is kept PROBABILITY_FLOOR away from 0 and 1; LossError outside [0, 1].
    """
    p = probability(simulated, "binomial")
    return term.constant + term.y * np.log(p) + (term.a - term.y) * np.log1p(-p)


def draw(simulated: Array, term: Term, rng: Rng) -> NDArray[Any]:
    return rng.binomial(term.a.astype(np.int64), probability(simulated, "binomial"))


LOSS = Loss(
    options=BinomialLoss,
    family="likelihood",
    prepare=prepare,
    constant=constant,
    value=value,
    draw=draw,
    per_observation="n",
    in_observed_unit=expected,
    simulated_as="probability",
)
