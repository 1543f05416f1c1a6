"""Values that a spec only passes on: one scalar, or any JSON."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator, Strict, WithJsonSchema

from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.options.base import Loc, Mistake, mistake, mistakes
from modelops_runtime.specs.scalars import shown


def check_scalar(value: Any) -> Scalar:
    """A finite number, text, true or false; raises a mistake for anything else."""
    right = "it must be a number, text, true or false"
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        raise mistake(f"{value} is not a finite number", right)
    if value is None or isinstance(value, dict | list | tuple):
        raise mistake("there is no value" if value is None else f"{shown(value)} is given", right)
    raise mistake(f"{shown(value)} is given", "put it in quotes to make it text")


def _json(value: Any) -> Any:
    found = list(_not_json(value, ()))
    if found:
        raise mistakes(found, value)
    return value


def _not_json(value: Any, loc: Loc) -> list[Mistake]:
    if isinstance(value, dict):
        return [one for key, item in value.items() for one in _not_json(item, (*loc, key))]
    if isinstance(value, list | tuple):
        return [one for index, item in enumerate(value) for one in _not_json(item, (*loc, index))]
    if isinstance(value, float) and not math.isfinite(value):
        return [Mistake(loc, f"{value} is not a finite number", "numbers are finite")]
    if value is None or isinstance(value, bool | int | float | str):
        return []
    return [Mistake(loc, f"{shown(value)} is given", "put it in quotes to make it text")]


ScalarValue = Annotated[Scalar, PlainValidator(check_scalar), WithJsonSchema({"type": ["boolean", "number", "string"]})]

JsonValue = Annotated[Any, BeforeValidator(_json)]

NonEmpty = Annotated[str, Field(min_length=1)]

TextList = Annotated[tuple[NonEmpty, ...], Strict(False)]
"""A YAML list of texts."""
