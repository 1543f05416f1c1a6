"""Parameters as coordinates in [0, 1], and back: the one place where scales, steps and choices are turned into numbers.

A real number's coordinate is its place between the bounds on its scale (linear, log or logit). An integer or a choice is
one of n equal cells, `int(u * n)`; an integer on a log scale has a cell as wide as log(value + 1) - log(value).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from modelops_runtime.contracts.parameters import Scalar, UniqueParameterSet
from modelops_runtime.contracts.space import ChoiceParameter, IntegerParameter, Parameter, ParameterSpace, RealParameter


def value_at(parameter: Parameter, u: float) -> Scalar:
    """The value at coordinate `u`, inside the bounds whatever the round-off."""
    if isinstance(parameter, ChoiceParameter):
        return parameter.choices[_cell(u, len(parameter.choices))]
    if isinstance(parameter, IntegerParameter):
        return _integer_at(parameter, u)
    low, high = _on_scale(parameter.low, parameter), _on_scale(parameter.high, parameter)
    value = _off_scale(low * (1.0 - u) + high * u, parameter)
    return float(min(max(value, parameter.low), parameter.high))


def coordinate_of(parameter: Parameter, value: Scalar) -> float:
    """The coordinate in [0, 1] of a value: of an integer or a choice, the middle of its cell. Raises ValueError."""
    if isinstance(parameter, ChoiceParameter):
        return (choice_index(parameter, value) + 0.5) / len(parameter.choices)
    number = float(value)
    if isinstance(parameter, IntegerParameter):
        if parameter.scale == "log":
            low, high = math.log(parameter.low), math.log(parameter.high + 1)
            middle = 0.5 * (math.log(number) + math.log(number + 1))
            return _clipped((middle - low) / (high - low))
        return _clipped((integer_index(parameter, int(number)) + 0.5) / count_of(parameter))
    low, high = _on_scale(parameter.low, parameter), _on_scale(parameter.high, parameter)
    if low == high:
        return 0.5
    x = _on_scale(number, parameter)
    return _clipped((0.5 * x - 0.5 * low) / (0.5 * high - 0.5 * low))  # halves: the widest bounds' span is infinite


def choice_index(parameter: ChoiceParameter, value: Scalar) -> int:
    """Which choice `value` is: `True`, `1` and `1.0` are three. Raises ValueError."""
    for index, choice in enumerate(parameter.choices):
        if type(choice) is type(value) and choice == value:
            return index
    raise ValueError(f"{parameter.name} = {value!r} is none of {', '.join(map(repr, parameter.choices))}")


def integer_index(parameter: IntegerParameter, value: int) -> int:
    """How many steps `value` lies above the lowest."""
    return (value - parameter.low) // parameter.step


def count_of(parameter: IntegerParameter | ChoiceParameter) -> int:
    """How many values there are."""
    if isinstance(parameter, ChoiceParameter):
        return len(parameter.choices)
    return (parameter.high - parameter.low) // parameter.step + 1


def set_at(space: ParameterSpace, point: Sequence[float]) -> UniqueParameterSet:
    """The parameter set at a point of the unit cube [parameters]."""
    return UniqueParameterSet.of(
        {parameter.name: value_at(parameter, float(u)) for parameter, u in zip(space.parameters, point, strict=True)}
    )


def _integer_at(parameter: IntegerParameter, u: float) -> int:
    if parameter.scale == "log":
        low, high = math.log(parameter.low), math.log(parameter.high + 1)
        return min(max(int(math.exp(low + u * (high - low))), parameter.low), parameter.high)
    return parameter.low + parameter.step * _cell(u, count_of(parameter))


def _cell(u: float, count: int) -> int:
    return min(max(int(u * count), 0), count - 1)


def _clipped(u: float) -> float:
    return min(max(u, 0.0), 1.0)


def _on_scale(value: float, parameter: RealParameter) -> float:
    if parameter.scale == "log":
        return math.log(value)
    if parameter.scale == "logit":
        return math.log(value) - math.log1p(-value)
    return value


def _off_scale(x: float, parameter: RealParameter) -> float:
    if parameter.scale == "log":
        return math.exp(x)
    if parameter.scale == "logit":
        return 1.0 / (1.0 + math.exp(-x)) if x > -700 else math.exp(x)
    return x
