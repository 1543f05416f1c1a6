"""The `prior:` of a parameter: a kind with its numbers. Formulas: `statistics.priors`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema, WrapValidator

from modelops_runtime.contracts.priors import NUMBERS, Prior
from modelops_runtime.options.base import Mistake, StrictModel, mistake, mistakes
from modelops_runtime.specs.scalars import nearest, shown

_KINDS = ("uniform", *NUMBERS)
_WANTED = f"a prior is one of {', '.join(_KINDS)}"

Above0 = Annotated[float, Field(gt=0)]


class _PriorModel(StrictModel):
    """A kind of prior; its fields after `kind` are those of `NUMBERS`."""

    def prior(self) -> Prior:
        return Prior.from_json(self.model_dump())


class NormalPrior(_PriorModel):
    """Normal."""

    kind: Literal["normal"] = "normal"
    mean: float = Field(description="before the prior is cut to the range")
    sd: Above0 = Field(description="standard deviation")


class LognormalPrior(_PriorModel):
    """The logarithm is normal."""

    kind: Literal["lognormal"] = "lognormal"
    median: Above0 = Field(description="the exponential of the logarithm's mean")
    sdlog: Above0 = Field(description="standard deviation of the natural logarithm")


class BetaPrior(_PriorModel):
    """Beta, between 0 and 1: mean a / (a + b)."""

    kind: Literal["beta"] = "beta"
    a: Above0
    b: Above0


class GammaPrior(_PriorModel):
    """Gamma: mean shape / rate."""

    kind: Literal["gamma"] = "gamma"
    shape: Above0
    rate: Above0


class ExponentialPrior(_PriorModel):
    """Exponential: mean 1 / rate."""

    kind: Literal["exponential"] = "exponential"
    rate: Above0


AnyPrior = NormalPrior | LognormalPrior | BetaPrior | GammaPrior | ExponentialPrior

_MODELS: dict[str, type[AnyPrior]] = {
    "normal": NormalPrior,
    "lognormal": LognormalPrior,
    "beta": BetaPrior,
    "gamma": GammaPrior,
    "exponential": ExponentialPrior,
}


def _pick(value: Any, _handler: Any) -> AnyPrior | None:
    """Validate by the model of its kind alone; uniform is no prior, so that writing it changes nothing."""
    if value is None or isinstance(value, _PriorModel):
        return value  # type: ignore[return-value]
    kind, given = (value.get("kind"), value) if isinstance(value, Mapping) else (value, {"kind": value})
    if isinstance(value, Mapping) and "kind" not in value:
        raise mistake("the prior has no kind", f"write {{kind: normal, mean: 1, sd: 0.5}}; {_WANTED}")
    if kind == "uniform":
        if extra := [key for key in given if key != "kind"]:
            wrong = f"a uniform prior has no {extra[0]}"
            right = "it is uniform between min and max on the parameter's scale"
            raise mistakes([Mistake((extra[0],), wrong, right, True)], value)
        return None
    model = _MODELS.get(kind) if isinstance(kind, str) else None
    if model is None:
        near = nearest(kind, list(_KINDS)) if isinstance(kind, str) else None
        found = Mistake(("kind",), f"{shown(kind)} is not a prior", f"did you mean {near}?" if near else _WANTED)
        raise mistakes([found if isinstance(value, Mapping) else found._replace(loc=())], value)
    if isinstance(value, str):
        numbers = ", ".join(f"{name}: ..." for name in NUMBERS[value])
        raise mistake(f"{value} needs {' and '.join(NUMBERS[value])}", f"write {{kind: {value}, {numbers}}}")
    return model.model_validate(given)


_SCHEMA = {
    "anyOf": [
        {"const": "uniform"},
        {
            "type": "object",
            "properties": {"kind": {"const": "uniform"}},
            "required": ["kind"],
            "additionalProperties": False,
        },
        *(
            {
                "type": "object",
                "properties": {
                    "kind": {"const": kind},
                    **{
                        name: {"type": "number", **({} if name == "mean" else {"exclusiveMinimum": 0})}
                        for name in names
                    },
                },
                "required": ["kind", *names],
                "additionalProperties": False,
            }
            for kind, names in NUMBERS.items()
        ),
        {"type": "null"},
    ]
}

PriorSpec = Annotated[AnyPrior | None, WrapValidator(_pick), WithJsonSchema(_SCHEMA)]


def prior_mistake(prior: Prior | None, low: float, high: float, *, whole: bool, step: float = 1) -> Mistake | None:
    """A mistake if almost nothing of the prior lies between the bounds."""
    from modelops_runtime.statistics.priors import LEAST_MASS, mass_in

    if prior is None:
        return None
    half = step / 2 if whole else 0.0
    share = mass_in(prior, low - half, high + half)
    if share >= LEAST_MASS:
        return None
    wrong = f"{share:.1g} of the prior {prior} lies between {low:g} and {high:g}"
    return Mistake(("prior",), wrong, "take another prior, or a range that holds more of it")
