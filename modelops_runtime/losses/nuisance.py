"""Numbers of a loss that the spec leaves open: nuisance parameters of the observation, found for each parameter set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, WrapValidator

from modelops_runtime.options.base import StrictModel


class ByName(StrictModel):
    """A number that is found: the name of one of the spec's nuisance parameters."""

    parameter: Annotated[str, Field(min_length=1)] = Field(description="one of the spec's `nuisance` parameters")


Positive = Annotated[float, Field(gt=0)]

_NUMBER = TypeAdapter(Positive, config=ConfigDict(strict=True, allow_inf_nan=False))


def _pick(value: Any, _handler: Any) -> float | ByName:
    """One error line where pydantic would report both branches of a union."""
    if isinstance(value, ByName):
        return value
    return ByName.model_validate(value) if isinstance(value, Mapping) else _NUMBER.validate_python(value)


def _pick_or_none(value: Any, handler: Any) -> float | ByName | None:
    return None if value is None else _pick(value, handler)


Found = Annotated[Positive | ByName, WrapValidator(_pick)]
"""A number above 0, or `{parameter: k}`."""


class LossOptions(StrictModel):
    """What `loss:` may hold of any kind."""

    multiply: Annotated[Positive | ByName | None, WrapValidator(_pick_or_none)] = Field(
        default=None, description="the simulated values by this before they are compared: a number, or {parameter: rho}"
    )


def open_numbers(options: object) -> dict[str, str]:
    """Option -> the nuisance parameter that gives it."""
    given = {name: getattr(options, name) for name in getattr(type(options), "model_fields", ())}
    return {name: value.parameter for name, value in given.items() if isinstance(value, ByName)}
