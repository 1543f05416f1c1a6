"""Coordinates in [0, 1] and the values they stand for."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given

from modelops_runtime.algorithms.coordinates import coordinate_of, value_at
from modelops_runtime.contracts.space import ChoiceParameter, IntegerParameter, RealParameter
from tests.strategies import choice_parameters, integer_parameters, is_inside, parameters, unit


@given(parameters(), unit)
def test_every_coordinate_is_a_value_inside_the_bounds(parameter, u):
    assert is_inside(parameter, value_at(parameter, u))


@given(integer_parameters() | choice_parameters(), unit)
def test_an_integer_or_a_choice_comes_back_from_its_coordinate(parameter, u):
    value = value_at(parameter, u)
    again = value_at(parameter, coordinate_of(parameter, value))
    assert (type(again), again) == (type(value), value)


@given(parameters(), unit)
def test_the_coordinate_of_a_value_lies_in_the_unit_interval(parameter, u):
    assert 0 <= coordinate_of(parameter, value_at(parameter, u)) <= 1


@pytest.mark.parametrize(
    ("scale", "low", "high", "middle"),
    [("linear", 0.0, 10.0, 5.0), ("log", 0.01, 100.0, 1.0), ("logit", 0.1, 0.9, 0.5)],
)
def test_the_middle_is_the_middle_on_the_scale(scale, low, high, middle):
    parameter = RealParameter(name="x", low=low, high=high, scale=scale)
    assert math.isclose(value_at(parameter, 0.5), middle)
    assert math.isclose(coordinate_of(parameter, middle), 0.5)


def test_integers_and_choices_have_equal_cells():
    steps = IntegerParameter(name="n", low=0, high=10, step=5)
    choices = ChoiceParameter(name="c", choices=(True, 1, 1.0))
    grid = [(i + 0.5) / 300 for i in range(300)]
    assert Counter(value_at(steps, u) for u in grid) == {0: 100, 5: 100, 10: 100}
    assert Counter(repr(value_at(choices, u)) for u in grid) == {"True": 100, "1": 100, "1.0": 100}


def test_a_value_that_is_no_choice_is_refused():
    with pytest.raises(ValueError, match="none of 'a', 1"):
        coordinate_of(ChoiceParameter(name="c", choices=("a", 1)), True)
