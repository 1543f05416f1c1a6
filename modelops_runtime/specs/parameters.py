"""The `parameters:` of a spec: ranges, choices and fixed values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, Strict, WithJsonSchema, WrapValidator

from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.options.base import Mistake, StrictModel, mistake, mistakes
from modelops_runtime.specs.scalars import Count, shown
from modelops_runtime.specs.values import ScalarValue, check_scalar

_FORMS = "give {min: 0, max: 1}, {choices: [a, b]} or one fixed value"


class RangeSpec(StrictModel):
    """A number that is searched. What is left out is taken from the model's class, where it has bounds of its own."""

    min: float | None = Field(default=None, description="least value")
    max: float | None = Field(default=None, description="greatest value")
    scale: Literal["linear", "log", "logit"] = Field(
        default="linear", description="how it is searched; log needs min above 0, logit a range inside (0, 1)"
    )
    type: Literal["float", "int"] = Field(default="float", description="int: whole numbers alone")
    step: Count | None = Field(default=None, description="of a whole number, from min; 1")

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        return range_mistakes(given)


def range_mistakes(given: Mapping[str, Any]) -> list[Mistake]:
    """What is wrong between the keys of a range."""
    low, high, step = (number(given.get(key)) for key in ("min", "max", "step"))
    found: list[Mistake] = []
    if low is not None and high is not None and low >= high:
        found.append(Mistake(("min",), f"min is {low}, not below max {high}", "min must be below max"))
    else:
        found += _scale_mistakes(given.get("scale"), low, high)
    if given.get("type", "float") == "int":
        found += _whole_mistakes(given, low, high, step)
    elif given.get("step") is not None and given.get("type", "float") == "float":
        found.append(Mistake(("step",), "step is for whole numbers", "add type: int, or leave step out"))
    return found


def _scale_mistakes(scale: object, low: float | None, high: float | None) -> list[Mistake]:
    found: list[Mistake] = []
    for key, bound in (("min", low), ("max", high)):
        if bound is None:
            continue
        if scale == "log" and bound <= 0:
            found.append(Mistake((key,), f"a log scale has {key} {bound}", f"{key} must be above 0, or scale: linear"))
        if scale == "logit" and not 0 < bound < 1:
            found.append(
                Mistake(
                    (key,), f"a logit scale has {key} {bound}", "both bounds must lie inside (0, 1), 0 and 1 left out"
                )
            )
    return found


def _whole_mistakes(
    given: Mapping[str, Any], low: float | None, high: float | None, step: float | None
) -> list[Mistake]:
    found = [
        Mistake((key,), f"{key} is {bound}, and the type is int", f"{key} must be a whole number, or type: float")
        for key, bound in (("min", low), ("max", high))
        if bound is not None and bound != int(bound)
    ]
    scale = given.get("scale")
    if scale == "logit":
        found.append(Mistake(("scale",), "a logit scale is for real numbers", "write linear or log"))
    if step is None or step < 1:
        return found
    if scale == "log" and step != 1:
        found.append(Mistake(("step",), f"a log scale has step {step}", "with scale: log, step is 1"))
    elif low is not None and high is not None and low < high and step > high - low:
        wrong = f"step is {step}, above max - min = {high - low}"
        found.append(Mistake(("step",), wrong, "at least min + step must be within max"))
    return found


def number(value: object) -> float | None:
    """A finite number, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


class ChoicesSpec(StrictModel):
    """One of several values, which have no order."""

    choices: Annotated[tuple[ScalarValue, ...], Strict(False), Field(min_length=1)]

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        values = given.get("choices")
        if not isinstance(values, list | tuple):
            return []
        return [
            Mistake(
                ("choices", at), f"{shown(value)} is there twice", "each choice is given once (true and 1 are equal)"
            )
            for at, value in enumerate(values)
            if value in values[:at]
        ]


def _pick(value: Any, _handler: Any) -> RangeSpec | ChoicesSpec | Scalar:
    """By the form that was meant, so that a mistake is said once."""
    if isinstance(value, RangeSpec | ChoicesSpec):
        return value
    if isinstance(value, Mapping):
        if "choices" not in value:
            return RangeSpec.model_validate(value)
        if others := [key for key in RangeSpec.model_fields if key in value]:
            wrong = f"choices and {' and '.join(others)} are both given"
            raise mistakes([Mistake(("choices",), wrong, "give min and max for a range, or choices alone")], value)
        return ChoicesSpec.model_validate(value)
    if value is None or isinstance(value, list | tuple):
        raise mistake("there is no value" if value is None else "a list is given", _FORMS)
    return check_scalar(value)


ParameterSpec = Annotated[
    RangeSpec
    | ChoicesSpec
    | Annotated[bool | int | float | str, WithJsonSchema({"type": ["boolean", "number", "string"]})],
    WrapValidator(_pick),
]
