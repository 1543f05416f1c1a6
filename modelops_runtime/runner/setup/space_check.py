"""Whether a parameter set lies in a space: for what an algorithm, or a user's guess, proposes."""

from __future__ import annotations

import math
from collections.abc import Mapping

from modelops_runtime.contracts.space import ChoiceParameter, IntegerParameter, Parameter, ParameterSpace


def complaints(space: ParameterSpace, params: Mapping[str, object]) -> list[tuple[str, str]]:
    """What is wrong with `params` as a point of `space`: (the parameter's name, the complaint in words)."""
    names = {parameter.name for parameter in space.parameters}
    found = [(name, f"no value for {name}") for name in sorted(names - set(params))]
    found += [(name, f"a value for {name}, which is not searched") for name in sorted(set(params) - names)]
    for parameter in space.parameters:
        if parameter.name in params and (text := complaint_of(parameter, params[parameter.name])):
            found.append((parameter.name, text))
    return found


def complaint_of(parameter: Parameter, value: object) -> str | None:
    """The same for one value."""
    name = parameter.name
    if isinstance(parameter, ChoiceParameter):
        if any(value == choice and type(value) is type(choice) for choice in parameter.choices):
            return None
        return f"{name} = {value!r}, which is none of {', '.join(map(repr, parameter.choices))}"
    if isinstance(parameter, IntegerParameter):
        if not isinstance(value, int) or isinstance(value, bool):
            return f"{name} = {value!r}, which is not an integer"
        if (value - parameter.low) % parameter.step:
            return f"{name} = {value}, which is not {parameter.low} plus a multiple of {parameter.step}"
    elif not isinstance(value, float | int) or isinstance(value, bool) or not math.isfinite(value):
        return f"{name} = {value!r}, which is not a finite number"
    if not parameter.low <= value <= parameter.high:
        return f"{name} = {value}, outside [{parameter.low}, {parameter.high}]"
    return None
