"""TPE with our own Parzen estimator, on columns of numbers that are kept between asks.

The steps are those of Optuna's `TPESampler` (S. Watanabe, Tree-Structured Parzen Estimator, arXiv:2304.11127), and what
it proposes is the same, bit for bit: a test holds the proposals against those of the public sampler, whichever version is
installed. It avoids that sampler's work per ask and trial, and its loops over single numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from modelops_runtime.algorithms.history import History, Told, good_count
from modelops_runtime.algorithms.optuna_space import Varied
from modelops_runtime.algorithms.parzen import Axis, Mixture
from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.space import ChoiceParameter, IntegerParameter, Parameter, ParameterSpace


class TpeSampler:
    """Proposes from at most `limit` told trials."""

    def __init__(self, space: ParameterSpace, *, limit: int, multivariate: bool, candidates: int) -> None:
        self._varied = Varied(space)
        self._limit = limit
        self._candidates = candidates
        axes = [_axis_of(parameter) for parameter in self._varied.parameters]
        together = [slice(0, len(axes))] if multivariate else [slice(i, i + 1) for i in range(len(axes))]
        self._blocks = [(columns, axes[columns]) for columns in together]
        self._rows = np.empty((0, len(axes)))
        self._kept = 0
        self._rng = np.random.RandomState(0)

    def propose(
        self, history: History, under_way: Mapping[int, Mapping[str, Scalar]], number: int, seed: int
    ) -> dict[str, Scalar]:
        """The parameters of trial `number`; those `under_way` count as bad ones."""
        if not self._varied.parameters:
            return self._varied.values({})
        self._keep(history.told)
        good, others = history.split(self._limit, good_count(len(history.told)))
        below, above = self._rows[good], self._with_running(history, others, under_way)
        self._rng.seed(seed)
        sampled = [
            number
            for columns, axes in self._blocks
            for number in self._sampled(axes, below[:, columns], above[:, columns])
        ]
        return self._varied.values(dict(zip((p.name for p in self._varied.parameters), sampled, strict=True)))

    def _sampled(self, axes: Sequence[Axis], below: NDArray[np.float64], above: NDArray[np.float64]) -> list[float]:
        """The candidate with the greatest ratio of densities, from observations [trials, axes]."""
        good, bad = Mixture(axes, below), Mixture(axes, above)
        candidates = good.sample(self._rng, self._candidates)
        return candidates[np.argmax(good.log_density(candidates) - bad.log_density(candidates))].tolist()

    def _with_running(
        self, history: History, places: list[int], under_way: Mapping[int, Mapping[str, Scalar]]
    ) -> NDArray[np.float64]:
        """The rows of told trials and those under way, sorted by number, since Optuna weighs late ones more."""
        if not under_way:
            return self._rows[places]
        numbers = [history.told[place].number for place in places] + list(under_way)
        rows = np.vstack([self._rows[places], [self._varied.row(params) for params in under_way.values()]])
        return rows[np.argsort(numbers, kind="stable")]

    def _keep(self, told: Sequence[Told]) -> None:
        if len(told) > len(self._rows):
            more = np.empty((max(len(told), 256), self._rows.shape[1]))
            self._rows = np.concatenate([self._rows, more])
        for place in range(self._kept, len(told)):
            self._rows[place] = self._varied.row(told[place].params)
        self._kept = len(told)


def _axis_of(parameter: Parameter) -> Axis:
    """The numbers that `Varied` gives a parameter's values."""
    if isinstance(parameter, ChoiceParameter):
        return Axis(parameter.count, ordered=False)
    if isinstance(parameter, IntegerParameter) and parameter.scale == "linear":
        return Axis(parameter.count)
    return Axis()
