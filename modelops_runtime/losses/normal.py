"""normal: observations around the simulated value with a known standard deviation."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from modelops_runtime.losses.columns import NoiseOrColumn, numbers
from modelops_runtime.losses.loss import Loss, Observed, Rng, Term
from modelops_runtime.losses.nuisance import LossOptions
from modelops_runtime.statistics.array import Array


class NormalLoss(LossOptions):
    """Observations around the simulated value with standard deviation sigma."""

    kind: Literal["normal"] = "normal"
    sigma: NoiseOrColumn = Field(description="standard deviation: a number, or a column of the observed data")


def prepare(options: NormalLoss, observed: Observed) -> Array:
    """sigma."""
    return numbers("sigma", options.sigma, observed)


def constant(term: Term) -> Array:
    return -np.log(term.a) - 0.5 * math.log(2 * math.pi)


def value(simulated: Array, term: Term) -> Array:
    """log p = -log sigma - log(2 pi)/2 - ((y - s) / sigma)^2 / 2.

    Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 1 (1994), 13.1.
    """
    z = (term.y - simulated) / term.a
    return term.constant - 0.5 * z * z


def draw(simulated: Array, term: Term, rng: Rng) -> NDArray[Any]:
    return rng.normal(simulated, term.a)


LOSS = Loss(
    options=NormalLoss,
    family="likelihood",
    prepare=prepare,
    constant=constant,
    value=value,
    draw=draw,
    per_observation="sigma",
)
