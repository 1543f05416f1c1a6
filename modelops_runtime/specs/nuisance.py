"""The `nuisance:` of a spec: numbers of the observation that losses use, and that the model is never given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from modelops_runtime.contracts.space import RealParameter
from modelops_runtime.options.base import Loc, Mistake, StrictModel, mistakes
from modelops_runtime.specs.parameters import number, range_mistakes
from modelops_runtime.specs.priors import PriorSpec, prior_mistake
from modelops_runtime.specs.scalars import nearest


class NuisanceSpec(StrictModel):
    """A number that is found within a range, for each parameter set anew."""

    min: float = Field(description="least value")
    max: float = Field(description="greatest value")
    scale: Literal["linear", "log", "logit"] = Field(
        default="linear", description="how it is looked for; log needs min above 0, logit a range inside (0, 1)"
    )
    prior: PriorSpec = Field(
        default=None, description="{kind: normal, mean: 1, sd: 0.5}; uniform on its scale by default"
    )

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        return range_mistakes({key: given.get(key) for key in ("min", "max", "scale")})

    @model_validator(mode="after")
    def _holds_its_prior(self) -> Self:
        prior = self.prior.prior() if self.prior else None
        if self.min < self.max and (found := prior_mistake(prior, self.min, self.max, whole=False)):
            raise mistakes([found])
        return self


def nuisance_of(specs: Mapping[str, NuisanceSpec]) -> tuple[RealParameter, ...]:
    """The nuisance parameters, sorted by name: what is found must not depend on the order in which they are written."""
    return tuple(
        RealParameter(
            name=name, low=each.min, high=each.max, scale=each.scale, prior=each.prior.prior() if each.prior else None
        )
        for name, each in sorted(specs.items())
    )


def kept_nuisance(spec: Mapping[str, Any]) -> tuple[RealParameter, ...]:
    """Those of a stored spec. Raises ValueError if they cannot be read."""
    try:
        return nuisance_of(TypeAdapter(dict[str, NuisanceSpec]).validate_python(spec.get("nuisance") or {}))
    except ValidationError as error:
        raise ValueError("the nuisance parameters that are kept with the run cannot be read") from error


class _Use(NamedTuple):
    """A number of a loss that a nuisance parameter gives."""

    name: str
    target: str
    option: str

    @property
    def loc(self) -> Loc:
        return ("targets", self.target, "loss", self.option, "parameter")


def nuisance_mistakes(given: Mapping[str, Any]) -> list[Mistake]:
    """What is wrong between the nuisance parameters of an unchecked spec, its parameters and its losses."""
    nuisance, parameters = given.get("nuisance") or {}, given.get("parameters") or {}
    if not isinstance(nuisance, Mapping) or not isinstance(parameters, Mapping):
        return []
    uses = list(_uses(given.get("targets")))
    found = [
        Mistake(("nuisance", name), f"{name} is among the parameters too", "give one of the two another name", True)
        for name in nuisance
        if name in parameters
    ]
    found += [
        Mistake(
            ("nuisance", name), f"no loss uses {name}", f"write {{parameter: {name}}} in a loss, or leave it out", True
        )
        for name in nuisance
        if name not in {use.name for use in uses}
    ]
    for use in uses:
        if use.name not in nuisance:
            near = nearest(use.name, [str(name) for name in nuisance])
            right = f"did you mean {near}?" if near else f"declare it: nuisance: {{{use.name}: {{min: 1, max: 100}}}}"
            found.append(Mistake(use.loc, f"there is no nuisance parameter {use.name}", right))
        elif (low := _low(nuisance[use.name])) is not None and low <= 0:
            wrong = f"{use.name} is {use.option} of target {use.target}, and its min is {low:g}"
            found.append(Mistake(("nuisance", use.name, "min"), wrong, "min must be above 0"))
    return list(dict.fromkeys(found))


def _low(nuisance: object) -> float | None:
    return number(nuisance.get("min")) if isinstance(nuisance, Mapping) else None


def _uses(targets: object) -> Iterator[_Use]:
    for target, given in targets.items() if isinstance(targets, Mapping) else ():
        loss = given.get("loss") if isinstance(given, Mapping) else None
        for option, value in loss.items() if isinstance(loss, Mapping) else ():
            if option != "options" and isinstance(value, Mapping) and isinstance(value.get("parameter"), str):
                yield _Use(value["parameter"], str(target), str(option))
