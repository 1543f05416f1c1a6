"""Directions along which the loss hardly rises: what the data fix together, but not apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelops_runtime.results.figures import fmt
from modelops_runtime.results.searched import Searched

FLAT = 1 / 50
"""A curvature below this share of the largest one makes a ridge: sets seven times as far apart fit equally well."""

LONG = 0.1
"""Share of the ranges that a ridge must run over, to either side, to be worth a word."""

TAKES_PART = 0.3
"""Component of the ridge's direction, of length 1, from which on a parameter takes part in it."""

SIMPLE = (1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
"""Exponents that are taken for exact when the fitted one is within a sixth of them."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ridge:
    """One direction of little change, with the parameters that trade off along it."""

    names: tuple[str, ...]
    fixed: str
    """What the data fix instead, of two parameters: `beta / gamma`; empty for more than two."""
    value: float | None
    """Its value at the estimate."""
    flatness: float
    """Curvature along the ridge / the largest curvature, at most FLAT; both per share of the ranges."""

    @property
    def says(self) -> str:
        *some, last = self.names
        names = f"{', '.join(some)} and {last}"
        if self.fixed:
            fixed = f"The data fix {self.fixed} (about {fmt(self.value)}) but not {names} apart"
            return f"{fixed}: along that line the loss hardly changes."
        return f"The data do not tell {names} apart: along one line a change of one makes up for the others."


def ridges_of(parameters: Sequence[Searched], hessian: Array, centre: Array, *, threshold: float) -> tuple[Ridge, ...]:
    """The ridges of a convex surface [d, d] over the ranges (0 to 1), flattest first.

    `threshold` is the height that counts as a difference. A single parameter of which the data say nothing is no ridge.
    """
    curvatures, directions = np.linalg.eigh(hessian)
    largest = float(curvatures[-1])
    found: list[Ridge] = []
    for curvature, direction in zip(curvatures, directions.T, strict=True):
        flatness = float(curvature) / largest if largest > 0 else 1.0
        taking_part = [i for i in range(len(parameters)) if abs(direction[i]) >= TAKES_PART]
        reach = math.sqrt(2 * threshold / max(float(curvature), 1e-300))
        if flatness < FLAT and reach > LONG and len(taking_part) > 1:
            found.append(_ridge(parameters, taking_part, direction, centre, flatness))
    return tuple(found)


def _ridge(
    parameters: Sequence[Searched], members: Sequence[int], direction: Array, centre: Array, flatness: float
) -> Ridge:
    names = tuple(parameters[i].name for i in members)
    fixed, value = "", None
    if len(members) == 2:
        first, second = members
        fixed, value = _combination(parameters, first, second, direction, centre)
    return Ridge(names=names, fixed=fixed, value=value, flatness=flatness)


def _combination(
    parameters: Sequence[Searched], first: int, second: int, direction: Array, centre: Array
) -> tuple[str, float | None]:
    """What stays the same along the ridge: a product of powers for positive parameters, else a sum."""
    a, b = parameters[first], parameters[second]
    x, y = a.value(float(centre[first])), b.value(float(centre[second]))
    dx = _slope(a, float(centre[first])) * float(direction[first])
    dy = _slope(b, float(centre[second])) * float(direction[second])
    if (a.low or 0.0) >= 0 and (b.low or 0.0) >= 0 and x > 0 and y > 0:
        power = -(dx / x) / (dy / y)  # x * y**power does not change
        simple = next((s for s in SIMPLE if abs(power / s - 1) < 1 / 6), None)
        if simple is not None or (a.scale, b.scale) == ("log", "log"):
            power = simple if simple is not None else power
            return _product(a.name, b.name, power), x * y**power
    factor = -dx / dy  # x + factor * y does not change
    sign = "+" if factor > 0 else "−"
    return f"{a.name} {sign} {fmt(round(abs(factor), 12))} × {b.name}", x + factor * y


def _product(a: str, b: str, power: float) -> str:
    operator = "×" if power > 0 else "/"
    return f"{a} {operator} {b}" if abs(power) == 1 else f"{a} {operator} {b}^{abs(power):.2g}"


def _slope(parameter: Searched, share: float) -> float:
    """The change of the value for a change of the share."""
    step = 1e-6
    low, high = max(share - step, 0.0), min(share + step, 1.0)
    return (parameter.value(high) - parameter.value(low)) / (high - low)
