"""Observations against draws of what a model predicts for them: where they rank, and what chance would give.

D draws (rows) of N observations (columns) come from R runs, the draws of a run one after the other. The draws of a run share its
course, so the ranks of a data set's observations depend on each other. What chance gives is therefore counted over data sets
that are themselves rows of the draws, each ranked among the draws of all other runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelops_runtime.statistics.array import Array

AT_ONCE = 4_000_000
"""Comparisons made at once, about: some megabytes."""

Rng = np.random.Generator
Counts = NDArray[np.int64]


def pit_values(observed: Array, drawn: Array, rng: Rng) -> Array:
    """The probability integral transform of each observation [N] among its draws [D, N]: uniform if they are alike.

    (below + u (ties + 1)) / (D + 1), u uniform: the rank of an observation among its draws, ties broken at random, as counts need
    it (Czado, Gneiting and Held, Biometrics 65, 2009). NaN where an observation or all its draws are; other NaNs are no draws.
    """
    below, ties, draws = (drawn < observed).sum(axis=0), (drawn == observed).sum(axis=0), np.isfinite(drawn).sum(axis=0)
    found = (below + rng.random(len(observed)) * (ties + 1)) / (draws + 1)
    return np.where(np.isfinite(observed) & (draws > 0), found, np.nan)


def is_inside(observed: Array, drawn: Array, level: float) -> NDArray[np.bool_]:
    """Whether observations [N] lie in the central `level` of draws [D, N], by rank, as `by_chance` counts data sets."""
    return _is_central((drawn < observed).sum(axis=0), (drawn <= observed).sum(axis=0), level, len(drawn))


def _is_central(below: Counts, upto: Counts, level: float | Array, draws: int) -> NDArray[np.bool_]:
    """Of values with so many of the draws below them, and at or below."""
    return (below <= (1 + level) / 2 * draws) & (upto >= (1 - level) / 2 * draws)


def histogram(pit: Array, bins: int) -> Counts:
    """How many PIT values [..., N] lie in each of `bins` equal parts of 0 to 1, [..., bins]."""
    part = np.minimum((pit * bins).astype(np.int64), bins - 1)
    return (part[..., None] == np.arange(bins)).sum(axis=-2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ByChance:
    """What K data sets of the model itself look like among its draws."""

    inside: Counts
    """How many of their observations lie in each central band [K, levels]."""
    bins: Counts
    """Histograms of their PIT values [K, bins]."""
    share: Array
    """The chance of each observation to lie in each band [levels, N]: above the level where values are few and whole."""


def by_chance(drawn: Array, data_sets: NDArray[np.intp], runs: int, levels: Array, bins: int, rng: Rng) -> ByChance:
    """The rows `data_sets` [K] of `drawn` [D, N], each among the draws of the other runs (of a single run: its other draws)."""
    each = len(drawn) // runs if runs > 1 else 1
    below, upto = _ranks(drawn, data_sets)
    by_run = drawn[: len(drawn) // each * each].reshape(-1, each, drawn.shape[1])
    at_once = max(1, AT_ONCE // by_run[0].size)
    for start in range(0, len(data_sets), at_once):  # less the ranks among the draws of their own run
        rows = slice(start, start + at_once)
        own, values = by_run[data_sets[rows] // each], drawn[data_sets[rows], None]
        below[rows] -= (own < values).sum(axis=1)
        upto[rows] -= (own <= values).sum(axis=1)
    others = len(drawn) - each
    within = _is_central(below, upto, levels[:, None, None], others)
    pit = (below + rng.random(below.shape) * (upto - below + 1)) / (others + 1)
    return ByChance(inside=within.sum(axis=2).T, bins=histogram(pit, bins), share=within.mean(axis=1))


def _ranks(drawn: Array, rows: NDArray[np.intp]) -> tuple[Counts, Counts]:
    """How many draws lie below, and at or below, each value of the `rows` [K]: two arrays [K, N]."""
    below, upto = (np.empty((len(rows), drawn.shape[1]), dtype=np.int64) for _ in range(2))
    for column in range(drawn.shape[1]):
        ordered, values = np.sort(drawn[:, column]), drawn[rows, column]
        below[:, column] = np.searchsorted(ordered, values, side="left")
        upto[:, column] = np.searchsorted(ordered, values, side="right")
    return below, upto


def central_counts(counts: Counts, confidence: float) -> tuple[int, int]:
    """The ends of the central `confidence` of counts [K], both included."""
    low, high = (1 - confidence) / 2, (1 + confidence) / 2
    return int(np.quantile(counts, low, method="lower")), int(np.quantile(counts, high, method="higher"))


def independent_counts(shares: Array, confidence: float) -> tuple[int, int]:
    """The ends of the central `confidence` of the number of successes among independent trials of chances `shares` [N].

    The binomial interval if all chances are equal; else that of the Poisson binomial distribution, whose probabilities are the
    coefficients of prod_i (1 - p_i + p_i x) (Hodges and Le Cam, Annals of Mathematical Statistics 31, 1960).
    """
    chances = np.ones(1)
    for share in shares:
        chances = np.append(chances * (1 - share), 0.0) + np.append(0.0, chances * share)
    upto = np.cumsum(chances)
    low, high = np.searchsorted(upto, ((1 - confidence) / 2, (1 + confidence) / 2))
    return int(low), int(min(high, len(shares)))


def joint_band(counts: Counts, confidence: float) -> tuple[Counts, Counts]:
    """Bounds for each bin [bins], between which the share `confidence` of the histograms [K, bins] lies with all its bins."""
    middle, spread = counts.mean(axis=0), np.maximum(counts.std(axis=0), 1e-9)
    furthest = (np.abs(counts - middle) / spread).max(axis=1)
    reach = float(np.quantile(furthest, confidence)) * spread
    total = int(counts[0].sum())
    low, high = np.ceil(middle - reach - 1e-9), np.floor(middle + reach + 1e-9)
    return np.maximum(low, 0).astype(np.int64), np.minimum(high, total).astype(np.int64)


def tail(count: int, counts: Counts, *, above: bool) -> float:
    """The chance of `count` or fewer (`above`: or more) among the counts [K] of data sets, itself counted as one of them."""
    beyond = counts >= count if above else counts <= count
    return (1 + int(beyond.sum())) / (len(counts) + 1)
