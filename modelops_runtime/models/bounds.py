"""Converts the parameter bounds of a model class to the contracts' parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeGuard

from modelops_runtime.contracts.space import ChoiceParameter, IntegerParameter, Parameter, RealParameter, range_problems

_KEYS = {"min", "max", "type", "step", "scale", "choices"}


def bounds_of(parameters: Mapping[str, Any]) -> dict[str, Parameter]:
    """Raises ValueError with a line that names the parameter."""
    return {name: _parameter(name, given) for name, given in parameters.items()}


def _parameter(name: str, given: Any) -> Parameter:
    if isinstance(given, RealParameter | IntegerParameter | ChoiceParameter):
        if given.name != name:
            raise ValueError(f"parameters[{name!r}] holds the parameter {given.name!r}; both names must be the same")
        return given
    if isinstance(given, tuple) and len(given) == 2:
        given = {"min": given[0], "max": given[1]}
    if not isinstance(given, Mapping):
        raise ValueError(
            f'parameters[{name!r}] is {given!r}; write {{"min": ..., "max": ...}}, (min, max) or {{"choices": [...]}}'
        )
    unknown = sorted(map(str, set(given) - _KEYS))
    if unknown:
        raise ValueError(f"parameters[{name!r}] has {', '.join(unknown)}; known are {', '.join(sorted(_KEYS))}")
    if "choices" in given:
        return _choice(name, given)
    return _range(name, given)


def _choice(name: str, given: Mapping[str, Any]) -> ChoiceParameter:
    choices = tuple(given["choices"])
    if len(given) > 1 or not choices or not all(isinstance(choice, bool | int | float | str) for choice in choices):
        raise ValueError(f"parameters[{name!r}]: choices stand alone and are bool, int, float or text")
    return ChoiceParameter(name=name, choices=choices)


def _range(name: str, given: Mapping[str, Any]) -> Parameter:
    low, high, step = given.get("min"), given.get("max"), given.get("step")
    scale, kind = given.get("scale", "linear"), given.get("type", "float")
    if not _is_number(low) or not _is_number(high):
        raise ValueError(f"parameters[{name!r}] goes from {low!r} to {high!r}; min and max are numbers, min below max")
    if kind not in ("float", float, "int", int):
        raise ValueError(f'parameters[{name!r}]: type is {kind!r}; it is "float" or "int"')
    if scale not in ("linear", "log", "logit"):
        raise ValueError(f"parameters[{name!r}]: scale is {scale!r}; it is linear, log or logit")
    whole = kind in ("int", int)
    if whole and step is not None and not (_is_number(step) and step == int(step) and step >= 1):
        raise ValueError(f"parameters[{name!r}]: step is {step!r}; it is a whole number of at least 1")
    if problems := range_problems(low=low, high=high, scale=scale, whole=whole, step=step):
        raise ValueError(f"parameters[{name!r}]: {problems[0].wrong}; {problems[0].right}")
    if whole and scale != "logit":
        return IntegerParameter(name=name, low=int(low), high=int(high), step=int(step or 1), scale=scale)
    return RealParameter(name=name, low=float(low), high=float(high), scale=scale)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
