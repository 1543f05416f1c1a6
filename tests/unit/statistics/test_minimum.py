"""The lowest point is found where it is known, on bounds and among several valleys too, and the same each time."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelops_runtime.statistics.minimum import lowest
from tests.strategies import unit


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-0.3, 1.3), min_size=1, max_size=4), st.floats(-0.6, 0.6))
def test_the_lowest_point_of_a_bowl_is_found_inside_and_on_bounds(centre: list[float], tilt: float) -> None:
    def bowl(point) -> float:
        gaps = [x - c for x, c in zip(point, centre, strict=True)]
        return sum(gap * gap for gap in gaps) + tilt * gaps[0] * gaps[-1] * (len(gaps) > 1)

    found = lowest(bowl, len(centre))
    assert all(0 <= x <= 1 for x in found)
    grid = [at / 10 for at in range(11)]
    around = [[*found[:axis], x, *found[axis + 1 :]] for axis in range(len(found)) for x in grid]
    assert bowl(found) <= min(map(bowl, around)) + 1e-9
    assert lowest(bowl, len(centre)) == found


@given(unit)
def test_the_deeper_of_two_valleys_is_found(at: float) -> None:
    def valleys(point) -> float:
        return min(20 * (point[0] - at) ** 2, 1 + 0.1 * abs(point[0] - (1 - at)))

    assert lowest(valleys, 1)[0] == pytest.approx(at, abs=1e-4)


def test_a_valley_along_a_ridge_is_followed() -> None:
    found = lowest(lambda p: 100 * (p[1] - p[0] ** 2) ** 2 + (0.9 - p[0]) ** 2, 2)  # Rosenbrock's
    assert found == pytest.approx([0.9, 0.81], abs=1e-3)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_where_there_is_no_value_it_looks_elsewhere(dimensions: int) -> None:
    def half(point) -> float:
        return math.inf if point[0] < 0.5 else sum((x - 0.6) ** 2 for x in point)

    assert lowest(half, dimensions) == pytest.approx([0.6] * dimensions, abs=1e-4)
    assert len(lowest(lambda _: math.inf, dimensions)) == dimensions


def test_without_dimensions_there_is_nothing_to_find() -> None:
    assert lowest(lambda _: 1.0, 0) == []
