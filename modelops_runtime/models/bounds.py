"""Parameter bounds as a model class gives them, turned into the contracts' parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from modelops_runtime.contracts.space import ChoiceParameter, IntegerParameter, Parameter, RealParameter

_KEYS = {"min", "max", "type", "step", "scale", "choices"}


def bounds_of(parameters: Mapping[str, Any]) -> dict[str, Parameter]:
    """Raises ValueError, with a line that names the parameter, for what is not understood."""
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
    low: Any = given.get("min")
    high: Any = given.get("max")
    scale = given.get("scale", "linear")
    if not _is_number(low) or not _is_number(high) or not low < high:
        raise ValueError(f"parameters[{name!r}] goes from {low!r} to {high!r}; min and max are numbers, min below max")
    if given.get("type", "float") in ("int", int):
        return _integer(name, low, high, given.get("step", 1), scale)
    if given.get("type", "float") not in ("float", float) or "step" in given:
        raise ValueError(f'parameters[{name!r}]: type is "int" or "float", and step is for int')
    if scale not in ("linear", "log", "logit"):
        raise ValueError(f"parameters[{name!r}]: scale is linear, log or logit, not {scale!r}")
    if (scale != "linear" and low <= 0) or (scale == "logit" and high >= 1):
        inside = "between 0 and 1" if scale == "logit" else "above 0"
        raise ValueError(f"parameters[{name!r}]: scale {scale} needs bounds {inside}, not {low} to {high}")
    return RealParameter(name=name, low=float(low), high=float(high), scale=scale)


def _integer(name: str, low: float, high: float, step: Any, scale: Any) -> IntegerParameter:
    if not all(_is_number(value) and value == int(value) for value in (low, high, step)) or step < 1:
        raise ValueError(f"parameters[{name!r}]: min, max and step of an int are whole numbers, step at least 1")
    if scale not in ("linear", "log") or (scale == "log" and (low < 1 or step != 1)):
        raise ValueError(f"parameters[{name!r}]: scale of an int is linear, or log with min >= 1 and step 1")
    return IntegerParameter(name=name, low=int(low), high=int(high), step=int(step), scale=scale)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
