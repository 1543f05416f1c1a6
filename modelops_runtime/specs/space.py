"""The search space from the parameters of a spec and the bounds of the model's class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.priors import Prior
from modelops_runtime.contracts.space import (
    ChoiceParameter,
    IntegerParameter,
    Parameter,
    ParameterSpace,
    RealParameter,
)
from modelops_runtime.specs.adaptive import AdaptiveSpec, ChoicesSpec, RangeSpec
from modelops_runtime.specs.parameters import ParameterSpec, range_mistakes
from modelops_runtime.specs.priors import prior_mistake
from modelops_runtime.specs.scalars import nearest


class ParameterMistake(ValueError):
    """A contradiction between the model and the spec: `ParameterMistake(parameter, wrong, right)`."""

    def __str__(self) -> str:
        _, wrong, right = self.args
        return f"{wrong}; {right}"


def space_of(spec: AdaptiveSpec, bounds: Mapping[str, Parameter]) -> ParameterSpace:
    """The searched parameters: the spec's, and those of the class that the spec leaves out, in the class's bounds.

    What a range leaves out (min, max, scale, type, step) is the class's. Raises ParameterMistake for a range without bounds
    anywhere, and for a name that a class with bounds does not know.
    """
    return _space(spec.parameters, bounds)


def written_space(space: ParameterSpace) -> dict[str, Any]:
    """A space in the notation of the spec, as a run stores it."""
    return {parameter.name: _as_written(parameter) for parameter in space.parameters}


def kept_space(space: Mapping[str, Any], spec: Mapping[str, Any]) -> ParameterSpace:
    """The stored space of a run. Older runs stored none; for them it follows from the spec.

    Raises ValueError if the spec has no bounds, because they are those of the model's class, or if the stored space
    cannot be read.
    """
    if space:
        try:
            return ParameterSpace(tuple(_from_written(name, given) for name, given in sorted(space.items())))
        except (KeyError, TypeError) as error:
            raise ValueError(f"the space that is kept with the run cannot be read: {error}") from error
    try:
        parameters = TypeAdapter(dict[str, ParameterSpec]).validate_python(spec.get("parameters", {}))
    except ValidationError as error:
        raise ValueError("the spec that is kept with the run cannot be read") from error
    return _space(parameters, {})


def _space(
    parameters: Mapping[str, RangeSpec | ChoicesSpec | Scalar], bounds: Mapping[str, Parameter]
) -> ParameterSpace:
    if bounds and (unknown := [name for name in parameters if name not in bounds]):
        near = nearest(unknown[0], list(bounds))
        meant = f"did you mean {near}?" if near else f"it has {', '.join(sorted(bounds))}"
        raise ParameterMistake(unknown[0], f"the model has no parameter {unknown[0]}", meant)
    searched = {name: _parameter(name, given, bounds.get(name)) for name, given in parameters.items()}
    everything = {**bounds, **searched}
    return ParameterSpace(tuple(parameter for _, parameter in sorted(everything.items()) if parameter is not None))


def fixed_of(spec: AdaptiveSpec) -> dict[str, Scalar]:
    """The parameters with one value."""
    return {name: given for name, given in spec.parameters.items() if not isinstance(given, RangeSpec | ChoicesSpec)}


def _parameter(name: str, given: RangeSpec | ChoicesSpec | Scalar, own: Parameter | None) -> Parameter | None:
    """None for a fixed value."""
    if isinstance(given, ChoicesSpec):
        return ChoiceParameter(name=name, choices=given.choices)
    return _range(name, given, own) if isinstance(given, RangeSpec) else None


def _range(name: str, given: RangeSpec, own: Parameter | None) -> Parameter:
    written = given.model_fields_set - {"prior"}
    if isinstance(own, ChoiceParameter):
        if not written and given.prior is None:
            return own
        if given.min is None or given.max is None:
            text = f"{name} is one of {', '.join(map(str, own.choices))} in the model, and no range"
            raise ParameterMistake(name, text, "leave it empty, or give choices")
        own = None
    merged: dict[str, Any] = {**(_as_written(own) if own else {}), **{key: getattr(given, key) for key in written}}
    merged = {key: value for key, value in merged.items() if value is not None and key != "prior"}
    if merged.get("type", "float") == "float":
        merged.pop("step", None)
    if "min" not in merged or "max" not in merged:
        lacking = " and ".join(key for key in ("min", "max") if key not in merged)
        raise ParameterMistake(
            name, f"{name} has no {lacking}, and the model gives none", "give min and max, or choices"
        )
    if found := range_mistakes(merged):
        raise ParameterMistake(name, f"{name}: with the model's own bounds, {found[0].wrong}", found[0].right)
    scale, prior = merged.get("scale", "linear"), given.prior.prior() if given.prior else own and own.prior
    whole, step = merged.get("type") == "int", merged.get("step", 1)
    if found := prior_mistake(prior, merged["min"], merged["max"], whole=whole, step=step):
        raise ParameterMistake(name, f"{name}: with the model's own bounds, {found.wrong}", found.right)
    if whole:
        low, high = int(merged["min"]), int(merged["max"])
        return IntegerParameter(name=name, low=low, high=high, step=step, scale=scale, prior=prior)
    return RealParameter(name=name, low=float(merged["min"]), high=float(merged["max"]), scale=scale, prior=prior)


def _from_written(name: str, given: Mapping[str, Any]) -> Parameter:
    if "choices" in given:
        return ChoiceParameter(name=name, choices=tuple(given["choices"]))
    low, high, scale = given["min"], given["max"], given["scale"]
    prior = Prior.from_json(given["prior"]) if given.get("prior") else None
    if given.get("type") == "int":
        return IntegerParameter(
            name=name, low=int(low), high=int(high), step=int(given["step"]), scale=scale, prior=prior
        )
    return RealParameter(name=name, low=float(low), high=float(high), scale=scale, prior=prior)


def _as_written(own: Parameter) -> dict[str, object]:
    """A parameter in the notation of the spec."""
    if isinstance(own, ChoiceParameter):
        return {"choices": list(own.choices)}
    prior = {"prior": own.prior.as_json()} if own.prior else {}
    if isinstance(own, IntegerParameter):
        return {"min": int(own.low), "max": int(own.high), "scale": own.scale, "type": "int", "step": own.step, **prior}
    return {"min": float(own.low), "max": float(own.high), "scale": own.scale, **prior}
