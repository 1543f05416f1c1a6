"""Parameters in Optuna's terms, without Optuna.

A real number is searched as its coordinate in [0, 1], so every scale is one transformed float; integers are counted in
steps; choices are their index, since Optuna cannot tell True from 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.space import ChoiceParameter, IntegerParameter, Parameter, ParameterSpace


def to_optuna(parameter: Parameter, value: Scalar) -> Any:
    """A value as Optuna sees it."""
    if isinstance(parameter, ChoiceParameter):
        return parameter.index_of(value)
    if isinstance(parameter, IntegerParameter) and parameter.scale == "linear":
        return parameter.index_of(int(value))
    return parameter.to_unit(value)


def from_optuna(parameter: Parameter, value: Any) -> Scalar:
    """The value that Optuna means."""
    if isinstance(parameter, ChoiceParameter):
        return parameter.choices[int(value)]
    if isinstance(parameter, IntegerParameter) and parameter.scale == "linear":
        return parameter.low + parameter.step * int(value)
    return parameter.from_unit(float(value))


def is_single(parameter: Parameter) -> bool:
    """Whether there is only one value."""
    if isinstance(parameter, ChoiceParameter | IntegerParameter):
        return parameter.count == 1
    return parameter.low == parameter.high


class Varied:
    """The parameters that have more than one value, as Optuna sees them."""

    def __init__(self, space: ParameterSpace) -> None:
        self.parameters = tuple(parameter for parameter in space.parameters if not is_single(parameter))
        self.singles = {p.name: from_optuna(p, 0) for p in space.parameters if is_single(p)}

    def row(self, params: Mapping[str, Scalar]) -> list[float]:
        """Their values [parameters], in the numbers that Optuna calls internal."""
        return [float(to_optuna(p, params[p.name])) for p in self.parameters]

    def values(self, sampled: Mapping[str, Any]) -> dict[str, Scalar]:
        """What a sampler gave, as the model's parameters: all of them."""
        return self.singles | {p.name: from_optuna(p, sampled[p.name]) for p in self.parameters}
