"""The base class of all parts of a spec, and mistakes in a spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

Loc = tuple[str | int, ...]


class Mistake(NamedTuple):
    """A mistake at `loc`, the keys that lead there; `wrong` and `right` are the two halves of the message."""

    loc: Loc
    wrong: str
    right: str
    at_key: bool = False
    """Whether the key is wrong, not its value."""


def mistake(wrong: str, right: str, *, at_key: bool = False) -> PydanticCustomError:
    """An error for a validator to raise; its texts reach the user unchanged."""
    return PydanticCustomError("mistake", "{wrong}; {right}", {"wrong": wrong, "right": right, "at_key": at_key})


def mistakes(found: list[Mistake], value: object = None) -> ValidationError:
    """An error for a validator to raise: several mistakes, each at its key below the validated part."""
    return ValidationError.from_exception_data("spec", [_detail(one, value) for one in found])


def _detail(one: Mistake, value: object) -> InitErrorDetails:
    return InitErrorDetails(type=mistake(one.wrong, one.right, at_key=one.at_key), loc=one.loc, input=value)


class StrictModel(BaseModel):
    """A part of a spec: keys are the YAML's, unknown ones are errors, "3" and true are no numbers, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        """Mistakes that involve several keys. `given` is unchecked; wrong types are reported elsewhere and ignored here."""
        return []

    @model_validator(mode="wrap")
    @classmethod
    def _check_everything(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Collect the mistakes of single keys and those between keys, so that all are shown at once."""
        between = cls.across(value) if isinstance(value, Mapping) else []
        try:
            valid = handler(value)
        except ValidationError as error:
            details = [_with_hints(cls, dict(line)) for line in error.errors(include_url=False)]
            lines = details + [_detail(one, value) for one in between]
            raise ValidationError.from_exception_data(cls.__name__, lines) from None
        if between:
            raise mistakes(between, value)
        return valid


def _with_hints(model: type[BaseModel], line: dict[str, Any]) -> InitErrorDetails:
    """The error with a hint: the known keys for an unknown key, the description for another. Inner models add theirs first."""
    kind, loc, context = line["type"], line["loc"], dict(line.get("ctx", {}))
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    if kind == "extra_forbidden" and len(loc) == 1:
        context["known"] = list(fields)
    elif loc and loc[0] in fields and "about" not in context:
        context["about"] = fields[str(loc[0])].description or ""
    text = PydanticCustomError(kind, "{text}", {**context, "text": line["msg"], "kind": kind})
    return InitErrorDetails(type=text, loc=loc, input=line["input"])
