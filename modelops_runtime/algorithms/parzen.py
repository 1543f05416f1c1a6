"""The Parzen estimator of Optuna's multivariate TPE: a mixture of products of truncated normals and of choices.

S. Watanabe, Tree-Structured Parzen Estimator, arXiv:2304.11127. What it draws and the densities it gives are those of
`optuna.samplers.TPESampler` with its defaults, bit for bit: a test holds the proposals against the public sampler's.
Reimplemented because Optuna's is private and loops over single numbers in Python.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from modelops_runtime.algorithms.truncated_normal import log_mass, quantile

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Axis:
    """The numbers of one parameter: a real one's lie in [0, 1], the others' are 0, 1, ... `count` - 1."""

    count: int | None = None
    ordered: bool = True
    """Whether neighbours are alike: not so with choices."""

    @property
    def low(self) -> float:
        return 0.0 if self.count is None else -0.5

    @property
    def high(self) -> float:
        return 1.0 if self.count is None else self.count - 0.5


class Mixture:
    """One kernel around each observation, and a wide one over the whole space; the last 25 observations weigh most."""

    def __init__(self, axes: Sequence[Axis], observed: Array) -> None:
        """Of observations [observations, axes], the oldest first."""
        self._axes = axes
        self._weights = _weights(len(observed))
        self._ordered = [place for place, axis in enumerate(axes) if axis.ordered]
        self._low = np.array([axes[place].low for place in self._ordered])
        self._high = np.array([axes[place].high for place in self._ordered])
        self._mu, self._sigma = _kernels(observed[:, self._ordered], self._low, self._high)
        self._chances = {
            place: _chances(observed[:, place], axis.count)
            for place, axis in enumerate(axes)
            if not axis.ordered and axis.count is not None
        }

    def sample(self, rng: np.random.RandomState, size: int) -> Array:
        """Draws [size, axes]."""
        kernels = rng.choice(len(self._weights), p=self._weights, size=size)
        drawn = np.empty((size, len(self._axes)))
        for place, chances in self._chances.items():
            shares = np.cumsum(chances[kernels], axis=-1)
            shares[:, -1] = 1
            drawn[:, place] = np.sum(shares < rng.rand(size)[:, np.newaxis], axis=-1)
        if self._ordered:
            mu, sigma = self._mu[kernels].T, self._sigma[kernels].T
            low, high = self._low[:, np.newaxis], self._high[:, np.newaxis]
            q = rng.uniform(low=0, high=1, size=mu.shape)
            drawn[:, self._ordered] = (quantile(q, (low - mu) / sigma, (high - mu) / sigma) * sigma + mu).T
        for place in self._ordered:
            if (count := self._axes[place].count) is not None:
                drawn[:, place] = np.clip(np.round(drawn[:, place]), 0, count - 1)
        return drawn

    def log_density(self, x: Array) -> Array:
        """The logarithm of the density at points [points, axes]."""
        logs = np.zeros((len(x), len(self._weights)))
        reals = []
        for place, axis in enumerate(self._axes):
            if not axis.ordered:
                logs += np.log(self._chances[place][:, x[:, place].astype(np.int64)]).T
            elif axis.count is not None:
                logs = self._with_cells(logs, x[:, place], self._ordered.index(place))
            else:
                reals.append(place)
        if reals:
            logs += self._of_reals(x[:, reals], [self._ordered.index(place) for place in reals])
        logs += np.log(self._weights)
        most = logs.max(axis=1)
        most[np.isneginf(most)] = 0
        with np.errstate(divide="ignore"):
            return np.log(np.exp(logs - most[:, np.newaxis]).sum(axis=1)) + most

    def _with_cells(self, logs: Array, x: Array, column: int) -> Array:
        """`logs` and the logarithm of the mass of the cells `x` of a whole number, by kernel."""
        cells, cell_of = np.unique(x, return_inverse=True)
        mu, sigma, kernel_of = _distinct(self._mu[:, column], self._sigma[:, column])
        below, above = (((cells + half)[:, np.newaxis] - mu) / sigma for half in (-0.5, 0.5))
        a, b, place = _distinct(below.ravel(), above.ravel())
        logs = logs + log_mass(a, b)[place].reshape(below.shape)[np.ix_(cell_of, kernel_of)]
        whole = log_mass((self._low[column] - mu) / sigma, (self._high[column] - mu) / sigma)
        return logs - whole[kernel_of]

    def _of_reals(self, x: Array, columns: Sequence[int]) -> Array:
        """The logarithm of the density of real numbers `x` [points, columns], by kernel: [points, kernels]."""
        mu, sigma = self._mu[:, columns], self._sigma[:, columns]
        a, b = (self._low[columns] - mu) / sigma, (self._high[columns] - mu) / sigma
        mass, a, b, mu, sigma = (
            np.ascontiguousarray(each.T)[:, np.newaxis, :] for each in (log_mass(a, b), a, b, mu, sigma)
        )
        logs = x.T[:, :, np.newaxis] - mu  # [columns, points, kernels]
        logs /= sigma
        outside = (logs < a) | (logs > b) if x.min() < 0 or x.max() > 1 else None
        np.square(logs, out=logs)
        logs *= -0.5
        logs -= _LOG_ROOT_2_PI
        logs -= mass
        logs -= np.log(sigma)
        if outside is not None:
            logs[outside] = -np.inf
        if len(columns) < 8:
            return logs.sum(axis=0)
        return np.ascontiguousarray(np.moveaxis(logs, 0, -1)).sum(
            axis=-1
        )  # numpy adds from eight on in pairs, as Optuna


_LOG_ROOT_2_PI = math.log(math.sqrt(2 * math.pi))


@lru_cache(1024)
def _weights(observed: int) -> Array:
    """Of the kernels around so many observations, and of the wide one: shares of 1.

    Those of the last 25 are alike; before them they rise.
    """
    if observed < 25:
        weights = np.ones(observed + 1)
    else:
        weights = np.concatenate([np.linspace(1.0 / observed, 1.0, num=observed - 25), np.ones(26)])
    weights /= weights.sum()
    weights.setflags(write=False)
    return weights


def _kernels(observed: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Means and widths [kernels, axes]: as wide as the gap to the farther neighbour, but not narrower than a share."""
    count, span = len(observed), high - low
    mu, sigma, ends = np.empty((count + 1, len(low))), np.empty((count + 1, len(low))), np.empty((count + 2, len(low)))
    mu[:-1], mu[-1] = observed, 0.5 * (low + high)
    order, column = observed.argsort(axis=0), np.arange(len(low))
    ends[0], ends[1:-1], ends[-1] = low, observed[order, column], high
    gaps = ends[1:] - ends[:-1]
    widths = np.maximum(gaps[:-1], gaps[1:])
    if count >= 2:
        widths[0], widths[-1] = gaps[1], gaps[-2]
    sigma[order, column] = np.minimum(np.maximum(widths, span / min(100.0, count + 2.0)), span)
    sigma[-1] = span
    return mu, sigma


def _chances(observed: Array, count: int) -> Array:
    """The probability of each choice, [kernels, choices]."""
    kernels = len(observed) + 1
    chances = np.full((kernels, count), 1.0 / kernels)
    chances[np.arange(len(observed)), observed.astype(int)] += 1
    return chances / chances.sum(axis=1, keepdims=True)


def _distinct(a: Array, b: Array) -> tuple[Array, Array, NDArray[np.intp]]:
    """The different pairs of two rows, and where each pair is among them."""
    pairs, places = np.unique(a + 1j * b, return_inverse=True)
    return pairs.real, pairs.imag, places
