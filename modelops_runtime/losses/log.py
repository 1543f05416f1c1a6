"""log: the squared error between logarithms."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from modelops_runtime.losses.columns import Positive
from modelops_runtime.losses.loss import Loss, LossError, Observed, OptionProblem, Term
from modelops_runtime.losses.nuisance import LossOptions
from modelops_runtime.statistics.array import Array


class LogLoss(LossOptions):
    """Squared error between the logarithms of the mean over replicates and of what was observed."""

    kind: Literal["log"] = "log"
    offset: Positive = Field(default=1.0, description="added to both before the logarithm is taken")


def prepare(options: LogLoss, observed: Observed) -> Array:
    """No numbers of its own; refuses observations without a logarithm."""
    least, offset = observed.y.min(), options.offset
    if least + offset <= 0:
        raise OptionProblem("offset", f"{least:g} was observed, {offset:g} is added", f"take one above {-least:g}")
    return np.zeros(0)


def constant(term: Term) -> Array:
    return np.log(term.y + term.options.offset)


def value(simulated: Array, term: Term) -> Array:
    """(log(y + offset) - log(m + offset))^2: mean squared logarithmic error, with `offset` 1 by default: log1p.

    LossError where m + offset is not above 0.
    """
    offset = term.options.offset
    shifted = simulated + offset
    if shifted.min(initial=np.inf) <= 0:
        raise LossError(f"log wants simulated values above {-offset:g}, got {simulated.min():g}")
    error = term.constant - np.log(shifted)
    return error * error


LOSS = Loss(
    options=LogLoss,
    family="distance",
    of="mean",
    prepare=prepare,
    constant=constant,
    value=value,
    growth="squared",
)
