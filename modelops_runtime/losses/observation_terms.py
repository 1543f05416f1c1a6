"""The observed side of one target's loss: constants computed once, so that scoring touches simulated values alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from modelops_runtime.statistics.array import Array


class LossError(Exception):
    """No finite loss can be had from these simulated values; the text says why."""


class OptionProblem(ValueError):
    """A loss and the observed data are at odds: `OptionProblem(key, wrong, right)`, key within `loss:` or ""."""


def _none() -> Array:
    return np.zeros(0)


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """Observations y [N] with what a kind needs beside them."""

    kind: str
    y: Array
    a: Array = field(default_factory=_none)
    """[N]: the kind's own per-observation number (n, sigma, the divisor of relative), where it has one."""
    constant: Array = field(default_factory=_none)
    """[N]: what does not depend on the simulation, where there is such a thing."""
    option: float = 0.0
    """The kind's own number for all observations (dispersion, offset)."""

    def at(self, columns: NDArray[np.bool_]) -> Term:
        """The same over some of the observations, given as a mask [N]."""
        a, constant = (x[columns] if len(x) else x for x in (self.a, self.constant))
        return Term(self.kind, self.y[columns], a, constant, self.option)
