"""Coordinates in [0, 1] and the values they stand for."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given

from modelops_runtime.contracts.space import ChoiceParameter, IntegerParameter, RealParameter, range_problems
from tests.strategies import choice_parameters, integer_parameters, is_inside, parameters, unit


@given(parameters(), unit)
def test_every_coordinate_is_a_value_inside_the_bounds(parameter, u):
    assert is_inside(parameter, parameter.from_unit(u))


@given(integer_parameters() | choice_parameters(), unit)
def test_an_integer_or_a_choice_comes_back_from_its_coordinate(parameter, u):
    value = parameter.from_unit(u)
    again = parameter.from_unit(parameter.to_unit(value))
    assert (type(again), again) == (type(value), value)


@given(parameters(), unit)
def test_the_coordinate_of_a_value_lies_in_the_unit_interval(parameter, u):
    assert 0 <= parameter.to_unit(parameter.from_unit(u)) <= 1


@pytest.mark.parametrize(
    ("scale", "low", "high", "middle"),
    [("linear", 0.0, 10.0, 5.0), ("log", 0.01, 100.0, 1.0), ("logit", 0.1, 0.9, 0.5)],
)
def test_the_middle_is_the_middle_on_the_scale(scale, low, high, middle):
    parameter = RealParameter(name="x", low=low, high=high, scale=scale)
    assert math.isclose(parameter.from_unit(0.5), middle)
    assert math.isclose(parameter.to_unit(middle), 0.5)


def test_integers_and_choices_have_equal_cells():
    steps = IntegerParameter(name="n", low=0, high=10, step=5)
    choices = ChoiceParameter(name="c", choices=(True, 1, 1.0))
    grid = [(i + 0.5) / 300 for i in range(300)]
    assert Counter(steps.from_unit(u) for u in grid) == {0: 100, 5: 100, 10: 100}
    assert Counter(repr(choices.from_unit(u)) for u in grid) == {"True": 100, "1": 100, "1.0": 100}


def test_a_value_that_is_no_choice_is_refused():
    with pytest.raises(ValueError, match="none of 'a', 1"):
        ChoiceParameter(name="c", choices=("a", 1)).to_unit(True)


@given(parameters())
def test_a_parameter_contains_its_middle(parameter):
    assert parameter.contains(parameter.middle())


@given(parameters(), unit)
def test_a_parameter_contains_each_value_of_a_coordinate_and_nothing_of_another_type(parameter, u):
    assert parameter.contains(parameter.from_unit(u))
    assert not parameter.contains(None)


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        ({"low": 0, "high": 1}, []),
        ({"low": 1, "high": 1}, ["min"]),
        ({"low": 0, "high": 1, "scale": "log"}, ["min"]),
        ({"low": 0, "high": 1, "scale": "logit"}, ["min", "max"]),
        ({"low": 0.5, "high": 4, "whole": True}, ["min"]),
        ({"low": 1, "high": 4, "whole": True, "scale": "log", "step": 2}, ["step"]),
        ({"low": 1, "high": 4, "whole": True, "scale": "linear", "step": 4}, ["step"]),
        ({"low": 1, "high": None, "whole": True, "scale": "logit"}, ["min", "scale"]),
        ({"low": 0, "high": 1, "step": 1}, ["step"]),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_range_is_found(given, keys):
    assert [problem.key for problem in range_problems(**given)] == keys
