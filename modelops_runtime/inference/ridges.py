"""Directions along which the loss hardly rises: what the data fix together, but not apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelops_runtime.contracts.wording import fmt
from modelops_runtime.inference.searched import Searched
from modelops_runtime.statistics.array import Array

FLAT = 1 / 50
"""A curvature below this share of the largest one makes a ridge: sets seven times as far apart fit equally well."""

LONG = 0.1
"""Share of the ranges that a ridge must run over, to either side, to be reported."""

TAKES_PART = 0.3
"""Component of the unit direction of a ridge from which on a parameter takes part in it."""

ALONE = 0.9
"""Share of the axis of a parameter inside the flat directions from which on it is free, whatever the others are."""

SIMPLE = (1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
"""Simple exponents, which replace a fitted one that is within a sixth of them."""


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

    `threshold` is the height that counts as a difference. A single parameter about which the data say nothing is not a ridge.
    """
    members = _tied(hessian, threshold)
    if len(members) < 2:
        return ()
    largest = float(np.linalg.eigvalsh(hessian)[-1])
    found: dict[tuple[str, ...], Ridge] = {}
    part = hessian[np.ix_(members, members)]
    for curvature, direction in _flat(part, largest, threshold):
        taking_part = [i for i, component in enumerate(direction) if abs(component) >= TAKES_PART]
        if len(taking_part) > 1:
            those = [parameters[members[i]] for i in taking_part]
            places = [float(centre[members[i]]) for i in taking_part]
            ridge = _ridge(those, direction[taking_part], places, curvature / largest)
            found.setdefault(ridge.names, ridge)
    return tuple(found.values())


def _flat(hessian: Array, largest: float, threshold: float) -> list[tuple[float, Array]]:
    """(curvature, direction) of every direction that hardly rises, flattest first."""
    curvatures, directions = np.linalg.eigh(hessian)
    return [
        (float(curvature), direction)
        for curvature, direction in zip(curvatures, directions.T, strict=True)
        if curvature < FLAT * largest and math.sqrt(2 * threshold / max(float(curvature), 1e-300)) > LONG
    ]


def _tied(hessian: Array, threshold: float) -> list[int]:
    """The parameters without those that are free whatever the others are, about which the data say nothing."""
    members = list(range(len(hessian)))
    largest = float(np.linalg.eigvalsh(hessian)[-1])
    while len(members) > 1:
        flat = _flat(hessian[np.ix_(members, members)], largest, threshold)
        inside = np.sum([direction**2 for _, direction in flat], axis=0) if flat else np.zeros(len(members))
        freest = int(np.argmax(inside))
        if inside[freest] < ALONE:
            break
        del members[freest]
    return members


def _ridge(parameters: Sequence[Searched], direction: Array, places: Sequence[float], flatness: float) -> Ridge:
    fixed, value = "", None
    if len(parameters) == 2:
        fixed, value = _combination(parameters[0], parameters[1], direction, places)
    names = tuple(parameter.name for parameter in parameters)
    return Ridge(names=names, fixed=fixed, value=value, flatness=flatness)


def _combination(a: Searched, b: Searched, direction: Array, places: Sequence[float]) -> tuple[str, float | None]:
    """What stays the same along the ridge: a product of powers for positive parameters, else a sum."""
    x, y = a.value(places[0]), b.value(places[1])
    dx, dy = _slope(a, places[0]) * float(direction[0]), _slope(b, places[1]) * float(direction[1])
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
