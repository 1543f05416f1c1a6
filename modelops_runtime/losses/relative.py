"""relative: the squared relative error of the mean over replicates."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from modelops_runtime.losses.columns import Positive
from modelops_runtime.losses.loss import Loss, Observed, Term
from modelops_runtime.losses.nuisance import LossOptions
from modelops_runtime.statistics.array import Array


class RelativeLoss(LossOptions):
    """Squared error of the mean over replicates, relative to what was observed."""

    kind: Literal["relative"] = "relative"
    floor: Positive = Field(default=1.0, description="least divisor, for observations near 0")


def prepare(options: RelativeLoss, observed: Observed) -> Array:
    """The divisors."""
    return np.maximum(np.abs(observed.y), options.floor)


def value(simulated: Array, term: Term) -> Array:
    """((y - m) / max(|y|, floor))^2: mean squared relative error (Park and Stefanski, Statistics & Probability Letters 40, 1998).

    `floor`, 1 by default and in the data's own unit, keeps observations near 0 from outweighing all others.
    """
    error = (term.y - simulated) / term.a
    return error * error


LOSS = Loss(options=RelativeLoss, family="distance", of="mean", prepare=prepare, value=value, growth="squared")
