"""Heavy tails: a likelihood, a distance of the mean and one of each replicate. Written against losses and options alone."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from modelops_runtime.losses.columns import NumberOrColumn, Positive, numbers
from modelops_runtime.losses.loss import Loss, Observed, Rng, Term
from modelops_runtime.options.base import StrictModel


class LaplaceLoss(StrictModel):
    """Observations around the simulated value with heavy tails."""

    kind: Literal["laplace"] = "laplace"
    scale: NumberOrColumn = Field(description="mean absolute error: a number, or a column of the observed data")


class HuberLoss(StrictModel):
    """Squared error near the data, absolute far away."""

    kind: Literal["huber"] = "huber"
    delta: Positive = Field(default=1.0, description="where it turns")


class HuberEachLoss(HuberLoss):
    """The same of each replicate."""

    kind: Literal["huber_each"] = "huber_each"  # type: ignore[assignment]


def prepare(options: LaplaceLoss, observed: Observed) -> NDArray[np.float64]:
    return numbers("scale", options.scale, observed)


def value(simulated: NDArray[np.float64], term: Term) -> NDArray[np.float64]:
    return -np.abs(term.y - simulated) / term.a - np.log(2 * term.a)


def draw(simulated: NDArray[np.float64], term: Term, rng: Rng) -> NDArray[Any]:
    return rng.laplace(simulated, term.a)


def huber(simulated: NDArray[np.float64], term: Term) -> NDArray[np.float64]:
    error, delta = np.abs(term.y - simulated), term.options.delta
    return np.where(error <= delta, error * error, delta * (2 * error - delta))


LAPLACE = Loss(
    options=LaplaceLoss, family="likelihood", prepare=prepare, value=value, draw=draw, per_observation="scale"
)
HUBER = Loss(options=HuberLoss, family="distance", of="mean", value=huber)
HUBER_EACH = Loss(options=HuberEachLoss, family="distance", of="each", value=huber)
