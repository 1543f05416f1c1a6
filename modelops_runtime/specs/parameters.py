"""The `parameters:` of a spec: ranges, choices and fixed values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, Strict, WithJsonSchema, WrapValidator, model_validator

from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.space import range_problems
from modelops_runtime.options.base import Mistake, StrictModel, mistake, mistakes
from modelops_runtime.specs.priors import PriorSpec, prior_mistake
from modelops_runtime.specs.scalars import Count, shown
from modelops_runtime.specs.values import ScalarValue, check_scalar

_FORMS = "give {min: 0, max: 1}, {choices: [a, b]} or one fixed value"


class RangeSpec(StrictModel):
    """A number that is searched. Missing keys are taken from the class of the model, if it has bounds."""

    min: float | None = Field(default=None, description="least value")
    max: float | None = Field(default=None, description="greatest value")
    scale: Literal["linear", "log", "logit"] = Field(
        default="linear", description="how it is searched; log needs min above 0, logit a range inside (0, 1)"
    )
    type: Literal["float", "int"] = Field(default="float", description="int: whole numbers alone")
    step: Count | None = Field(default=None, description="of a whole number, from min; 1")
    prior: PriorSpec = Field(
        default=None, description="{kind: normal, mean: 1, sd: 0.5}; uniform on its scale by default"
    )

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        return range_mistakes(given)

    @model_validator(mode="after")
    def _holds_its_prior(self) -> Self:
        low, high = self.min, self.max
        if self.prior is not None and low is not None and high is not None and low < high:
            whole, step = self.type == "int", self.step or 1
            if found := prior_mistake(self.prior.prior(), low, high, whole=whole, step=step):
                raise mistakes([found])
        return self


def range_mistakes(given: Mapping[str, Any]) -> list[Mistake]:
    """What is wrong between the keys of a range."""
    low, high = number(given.get("min")), number(given.get("max"))
    whole = given.get("type", "float") == "int"
    judged = whole or given.get("type", "float") == "float"
    step = given.get("step") if judged else None
    problems = range_problems(
        low=low, high=high, scale=given.get("scale"), whole=whole, step=number(step) if whole else step
    )
    return [Mistake((problem.key,), problem.wrong, problem.right) for problem in problems]


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
    """Validate as the form that was meant, so that a mistake is reported once."""
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
