"""Weights of particles and their systematic resampling, on the log scale."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from modelops_runtime.statistics.array import Array


def weigh(log_w: Array) -> tuple[Array, Array]:
    """log((1/P) sum_p exp(l_pj)) of each column of `log_w` [P, n], [n], and the weights [P] that the last one gives.

    Without overflow. A column that is -inf throughout has the mean -inf; weights are then equal, otherwise they sum to 1.
    """
    top = log_w.max(axis=0)
    if not math.isfinite(top.min()):
        top = np.where(np.isfinite(top), top, 0.0)
    scaled = np.exp(log_w - top)
    sums = scaled.sum(axis=0)
    with np.errstate(divide="ignore"):
        means = top + np.log(sums / len(log_w))
    last = sums[-1]
    return means, scaled[:, -1] / last if last > 0 else np.full(len(log_w), 1 / len(log_w))


def systematic(weights: Array, uniform: float) -> NDArray[np.intp]:
    """Indices [P] of the particles that go on, ascending: particle p P w_p times, rounded up or down.

    `weights` [P] sum to 1; the points (i + uniform) / P, 0 <= uniform < 1, pick from their cumulative sum. A particle's expected
    number of copies is P w_p, so the likelihood stays unbiased (Kitagawa, Journal of Computational and Graphical Statistics 5,
    1996; Douc, Cappe and Moulines, Proceedings of ISPA, 2005).
    """
    count = len(weights)
    ends = np.cumsum(weights)
    points = (np.arange(count) + uniform) / count * ends[-1]
    return np.searchsorted(ends, points, side="right").clip(0, count - 1)
