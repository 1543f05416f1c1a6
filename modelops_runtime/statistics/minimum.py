"""The lowest point of a function over the unit cube, found the same way each time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np

Function = Callable[[Sequence[float]], float]

LINE = 97
"""Starts in one dimension, both ends included."""

SQUARE = 13
"""Starts in each of two dimensions."""

STARTS = 40
"""Starts for each of three or more dimensions."""

REFINED = 6
"""Starts from which it goes on: the lowest ones."""

STEP = 1e-5
"""Of the differences that give slopes."""

TOLERANCE = 1e-7


def lowest(function: Function, dimensions: int) -> list[float]:
    """The coordinates in [0, 1] at which `function` is lowest, as far as it was looked for.

    It is evaluated at a grid of starts (in three or more dimensions a Halton sequence: Numer. Math. 2, 1960), and minimised from
    the lowest ones: in one dimension by Brent's method (Algorithms for Minimization without Derivatives, 1973, 5) between a
    start's neighbours, in more by L-BFGS-B (Byrd, Lu, Nocedal, Zhu, SIAM J. Sci. Comput. 16, 1995) with slopes from differences.
    No randomness, no clock. Infinite values are allowed; where all are, the first start is returned.
    """
    if dimensions == 0:
        return []
    starts = _starts(dimensions)
    values = [function(start) for start in starts]
    ranked = sorted(range(len(starts)), key=lambda at: (values[at], at))
    if not math.isfinite(values[ranked[0]]):
        return starts[ranked[0]]
    worst = max(value for value in values if math.isfinite(value))
    found = [(values[ranked[0]], starts[ranked[0]])]
    for at in _worth_refining(values, ranked, dimensions):
        point = (
            _on_the_line(function, starts, at) if dimensions == 1 else _from_start(function, starts[at], ceiling=worst)
        )
        found.append((function(point), point))
    return min(found, key=lambda each: each[0])[1]


def _starts(dimensions: int) -> list[list[float]]:
    if dimensions == 1:
        return [[at / (LINE - 1)] for at in range(LINE)]
    if dimensions == 2:
        return [list(point) for point in itertools.product([at / (SQUARE - 1) for at in range(SQUARE)], repeat=2)]
    primes = [n for n in range(2, 8 * dimensions + 8) if all(n % k for k in range(2, n))]
    return [
        [_radical_inverse(number, prime) for prime in primes[:dimensions]]
        for number in range(1, STARTS * dimensions + 1)
    ]


def _radical_inverse(number: int, base: int) -> float:
    found, share = 0.0, 1.0 / base
    while number:
        number, digit = divmod(number, base)
        found += digit * share
        share /= base
    return found


def _worth_refining(values: Sequence[float], ranked: Sequence[int], dimensions: int) -> list[int]:
    """The lowest starts; on a line, those that are no higher than their neighbours: others lead to the same place."""
    if dimensions > 1:
        return list(ranked[:REFINED])
    bordered = [math.inf, *values, math.inf]
    return [at for at in ranked if values[at] <= min(bordered[at], bordered[at + 2])][:REFINED]


def _on_the_line(function: Function, starts: Sequence[Sequence[float]], at: int) -> list[float]:
    from scipy.optimize import minimize_scalar

    ends = starts[max(at - 1, 0)][0], starts[min(at + 1, len(starts) - 1)][0]
    found = minimize_scalar(lambda x: function([x]), bounds=ends, method="bounded", options={"xatol": TOLERANCE})
    return [float(found.x)]


def _from_start(function: Function, start: Sequence[float], *, ceiling: float) -> list[float]:
    """`ceiling` stands for infinity, which has no slope."""
    from scipy.optimize import minimize

    def held(point: np.ndarray) -> float:
        return min(function(point.tolist()), ceiling)

    def slope(point: np.ndarray, axis: int) -> float:
        ends = [point.copy(), point.copy()]
        ends[0][axis], ends[1][axis] = max(point[axis] - STEP, 0.0), min(point[axis] + STEP, 1.0)
        values = [function(end.tolist()) for end in ends]
        for side, value in enumerate(values):
            if not math.isfinite(value):  # an edge of where it has values: from the point to the other side
                ends[side], values[side] = point, held(point)
        return (min(values[1], ceiling) - min(values[0], ceiling)) / (ends[1][axis] - ends[0][axis] or 1.0)

    found = minimize(
        held,
        np.array(start),
        jac=lambda point: np.array([slope(point, axis) for axis in range(len(point))]),
        method="L-BFGS-B",
        bounds=[(0.0, 1.0)] * len(start),
        options={"maxiter": 200, "ftol": 1e-13, "gtol": 1e-7},
    )
    return np.clip(found.x, 0.0, 1.0).tolist()
