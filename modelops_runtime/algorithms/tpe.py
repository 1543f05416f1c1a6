"""TPE with Optuna's Parzen estimators, on columns of numbers kept from ask to ask.

The steps are those of Optuna's `TPESampler` (S. Watanabe, Tree-Structured Parzen Estimator, arXiv:2304.11127), and what
it proposes is the same, bit for bit; left out is what the sampler does anew at each ask with each trial it is shown.
The estimators are private to Optuna: a test holds the proposals against those of the public sampler.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.samplers._tpe.sampler import default_weights

from modelops_runtime.algorithms.history import History, Told, good_count
from modelops_runtime.algorithms.optuna_space import Varied
from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.space import ParameterSpace

# TPESampler's defaults
_ESTIMATOR = _ParzenEstimatorParameters(
    prior_weight=1.0,
    consider_magic_clip=True,
    consider_endpoints=False,
    weights=default_weights,
    multivariate=True,
)


class TpeSampler:
    """Proposes from at most `limit` told trials."""

    def __init__(self, space: ParameterSpace, *, limit: int, multivariate: bool, candidates: int) -> None:
        self._varied = Varied(space)
        self._limit = limit
        self._candidates = candidates
        spaces = self._varied.distributions
        together = [slice(0, len(spaces))] if multivariate else [slice(i, i + 1) for i in range(len(spaces))]
        self._blocks = [(columns, dict(list(spaces.items())[columns])) for columns in together]
        self._rows = np.empty((0, len(spaces)))
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
        sampled: dict[str, float] = {}
        for columns, space in self._blocks:
            sampled |= self._sampled(below[:, columns], above[:, columns], space)
        return self._varied.values(sampled)

    def _sampled(
        self, below: NDArray[np.float64], above: NDArray[np.float64], space: dict[str, BaseDistribution]
    ) -> dict[str, float]:
        """The candidate with the greatest ratio of densities, from observations [trials, parameters of the space]."""
        good, bad = (
            _ParzenEstimator(dict(zip(space, rows.T, strict=True)), space, _ESTIMATOR) for rows in (below, above)
        )
        candidates = good.sample(self._rng, self._candidates)
        best = np.argmax(good.log_pdf(candidates) - bad.log_pdf(candidates))
        return {name: column[best].item() for name, column in candidates.items()}

    def _with_running(
        self, history: History, places: list[int], under_way: Mapping[int, Mapping[str, Scalar]]
    ) -> NDArray[np.float64]:
        """The rows of told trials and of those under way, by number: Optuna weighs the late ones more."""
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
