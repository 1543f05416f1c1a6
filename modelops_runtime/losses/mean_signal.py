"""mean_signal: the squared error of the mean over replicates."""

from __future__ import annotations

from typing import Literal

from modelops_runtime.losses.loss import Loss, Term
from modelops_runtime.losses.nuisance import LossOptions
from modelops_runtime.statistics.array import Array


class MeanSignalLoss(LossOptions):
    """Squared error of the mean over replicates (the default)."""

    kind: Literal["mean_signal"] = "mean_signal"


def squared(simulated: Array, term: Term) -> Array:
    """(y - x)^2."""
    error = term.y - simulated
    return error * error


LOSS = Loss(options=MeanSignalLoss, family="distance", of="mean", value=squared, growth="squared")
