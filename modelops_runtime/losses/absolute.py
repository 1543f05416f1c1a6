"""absolute: the absolute error of the mean over replicates."""

from __future__ import annotations

from typing import Literal

import numpy as np

from modelops_runtime.losses.loss import Loss, Term
from modelops_runtime.losses.nuisance import LossOptions
from modelops_runtime.statistics.array import Array


class AbsoluteLoss(LossOptions):
    """Absolute error of the mean over replicates."""

    kind: Literal["absolute"] = "absolute"


def value(simulated: Array, term: Term) -> Array:
    """|y - m|: mean absolute error (Willmott and Matsuura, Climate Research 30, 2005). More robust than squares."""
    return np.abs(term.y - simulated)


LOSS = Loss(options=AbsoluteLoss, family="distance", of="mean", value=value, growth="absolute")
