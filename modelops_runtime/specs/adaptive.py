"""The model of a whole `adaptive.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    TypeAdapter,
    ValidationInfo,
    WrapValidator,
    field_validator,
)

from modelops_runtime.options.base import Mistake, StrictModel, mistake
from modelops_runtime.specs.cluster import DNS_LABEL, CentralStoreSpec, WorkersSpec
from modelops_runtime.specs.losses import LossSpec
from modelops_runtime.specs.nuisance import NuisanceSpec, nuisance_mistakes
from modelops_runtime.specs.parameters import ChoicesSpec, ParameterSpec, RangeSpec
from modelops_runtime.specs.scalars import NAME, Count, Duration, MemorySize, Natural, Whole, nearest, shown
from modelops_runtime.specs.targets import MatchSpec, TargetSpec, ValueSpec
from modelops_runtime.specs.values import JsonValue, NonEmpty, ScalarValue, TextList

__all__ = [
    "AdaptiveSpec",
    "CentralStoreSpec",
    "ChoicesSpec",
    "ConfirmSpec",
    "LossSpec",
    "MatchSpec",
    "ModelSpec",
    "OutputsSpec",
    "ParticleFilterSpec",
    "RangeSpec",
    "ReplicatesSpec",
    "SearchSpec",
    "StopSpec",
    "TargetSpec",
    "ValueSpec",
    "WorkersSpec",
]

ENTRYPOINT = r"^[^\s:]+:[A-Za-z_]\w*(\.\w+)*(/[\w.-]+)?$|^[A-Za-z_]\w*(\.\w+)+/[\w.-]+$"
_ENTRYPOINTS = "write model.py:fn, pkg.mod:fn or pkg.mod.Class/scenario"
_NAMED: dict[str, Any] = {"propertyNames": {"pattern": NAME}}


def _number_of_a_literal(value: Any) -> Any:
    """1.0 is 1, as in JSON Schema, and true is not, although they are equal in Python."""
    if isinstance(value, bool):
        return shown(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


class ModelSpec(StrictModel):
    """What is simulated: exactly one of entrypoint and command."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["entrypoint"], "properties": {"entrypoint": {"type": "string"}}},
                {"required": ["command"], "properties": {"command": {"type": "array"}}},
            ]
        }
    )

    entrypoint: Annotated[str, Field(pattern=ENTRYPOINT)] | None = Field(
        default=None, description="model.py:fn, pkg.mod:fn or pkg.mod.Class/scenario"
    )
    command: Annotated[TextList, Field(min_length=1)] | None = Field(
        default=None, description='a program in any language: [Rscript, sir.R, "{params}", "{outputs}"]'
    )
    timeout_s: Duration = Field(
        default=600.0, alias="timeout", description="of one simulation", json_schema_extra={"default": "10m"}
    )
    memory_bytes: MemorySize = Field(
        default=2 * 2**30, alias="memory", description="of one simulation", json_schema_extra={"default": "2Gi"}
    )
    seed_bits: Annotated[Literal[64, 32, 31], BeforeValidator(_number_of_a_literal)] = Field(
        default=64, description="32 or 31 for models that need smaller seeds"
    )
    threads: Whole = Field(default=1, ge=1, description="of OMP, MKL, OpenBLAS and numba; the same everywhere")
    env: dict[str, str] = Field(
        default_factory=dict,
        description="environment variables; never secrets",
        json_schema_extra={"propertyNames": {"pattern": r"^[A-Za-z_][A-Za-z0-9_]*$"}},
    )
    config: dict[str, JsonValue] = Field(default_factory=dict, description="handed to a Model class")

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        entrypoint, command = given.get("entrypoint"), given.get("command")
        env = given.get("env")
        found = [
            Mistake(
                ("env", name),
                f"{shown(name)} cannot name a variable",
                "use letters, digits and _, no digit first",
                True,
            )
            for name in (env if isinstance(env, Mapping) else ())
            if not _is_variable(name)
        ]
        if entrypoint is None and command is None:
            found.append(Mistake((), "neither entrypoint nor command is given", _ENTRYPOINTS))
        elif entrypoint is not None and command is not None:
            found.append(Mistake(("command",), "entrypoint and command are both given", "give one of them"))
        return found


def _is_variable(name: object) -> bool:
    return isinstance(name, str) and name.isascii() and name.isidentifier()


class RacingSpec(StrictModel):
    """Clearly worse sets stop early."""

    after: Whole = Field(default=3, ge=2, description="replicates before a set is judged")


def _racing(value: Any, _handler: Any) -> bool | RacingSpec:
    if isinstance(value, bool | RacingSpec):
        return value
    if not isinstance(value, Mapping):
        raise mistake(f"racing is {shown(value)}", "write {after: 3}, true or false")
    return RacingSpec.model_validate(value)


class ParticleFilterSpec(StrictModel):
    """The likelihood by a particle filter, of a model that can be restarted; a replicate is one run of the filter."""

    kind: Literal["particle_filter"] = Field(description="particle_filter, the only one")
    particles: Whole = Field(default=100, ge=2, le=1_000_000, description="simulations that a filter runs side by side")


class ReplicateFailuresSpec(StrictModel):
    """Replicates that may fail without failing their trial."""

    tolerate: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="share of a set's replicates that may fail; each counts as a likelihood of 0",
    )


class ReplicatesSpec(StrictModel):
    """Each set has its own number of replicates, by what is known when it is proposed: more near the best."""

    min: Whole = Field(ge=1, description="replicates of a set far from the best, and of the first ten")
    max: Whole = Field(ge=1, description="replicates of a set near the best")

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        low, high = given.get("min"), given.get("max")
        if not (isinstance(low, int) and isinstance(high, int) and low > high):
            return []
        return [Mistake(("min",), f"min is {low}, above max {high}", "min must not be above max")]


_NUMBER: TypeAdapter[int] = TypeAdapter(Count, config=ConfigDict(strict=True))


def _replicates(value: Any, _handler: Any) -> int | ReplicatesSpec:
    if isinstance(value, ReplicatesSpec):
        return value
    return ReplicatesSpec.model_validate(value) if isinstance(value, Mapping) else _NUMBER.validate_python(value)


class ConfirmSpec(StrictModel):
    """The best few are run again on fresh seeds, and ranked by that."""

    top: Natural | None = Field(
        default=None, description="how many; 0 turns it off; by default one in 20 trials, from 1 to 10"
    )
    replicates: Count | None = Field(default=None, description="of each; by default ten times the search's replicates")


class StopSpec(StrictModel):
    """Reasons to stop before the budget is used; whichever comes first."""

    time_s: Duration | None = Field(default=None, alias="time", description="from the start of the run")
    plateau: Count | None = Field(default=None, description="trials without a better best")
    loss: float | None = Field(default=None, description="a best loss that is good enough")


class SearchSpec(StrictModel):
    """How the parameters are searched."""

    algorithm: NonEmpty = Field(default="optuna", description="an entry point of the group modelops.algorithms")
    options: dict[str, JsonValue] = Field(default_factory=dict, description="the algorithm's own")
    guesses: Annotated[tuple[dict[str, ScalarValue], ...], Strict(False)] = Field(
        default=(), description="parameter sets that are tried first"
    )
    guesses_from_prior: Natural = Field(default=0, description="so many sets drawn from the priors, tried next")
    trials: Whole = Field(default=300, ge=1, description="parameter sets")
    replicates: Annotated[Count | ReplicatesSpec, WrapValidator(_replicates)] = Field(
        default=10, description="simulations of each, on different seeds; {min: 10, max: 200}: more near the best"
    )
    seed: Whole = Field(default=1, ge=0, lt=2**63, description="of the search and of its noise")
    common_random_numbers: bool = Field(default=False, description="replicate i meets the same noise in every set")
    likelihood: ParticleFilterSpec | None = Field(
        default=None, description="{kind: particle_filter, particles: 100}; left out: of whole simulations"
    )
    racing: Annotated[bool | RacingSpec, WrapValidator(_racing)] = Field(
        default=RacingSpec(),
        validate_default=True,
        description="{after: 3}, true or false: clearly worse sets stop early",
    )
    confirm: ConfirmSpec = ConfirmSpec()
    max_failed: float = Field(
        default=0.5, ge=0, le=1, description="share of failed trials that stops the run, from the 10th on"
    )
    replicate_failures: ReplicateFailuresSpec = ReplicateFailuresSpec()
    on_failure: Literal["worst", "ignore"] = Field(
        default="worst", description="what the algorithm is told of a failed trial"
    )
    stop: StopSpec = StopSpec()
    lag: Whole = Field(default=0, ge=0, description="N: the same search with any number of slots; 0: as results come")

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        if given.get("likelihood") is None or given.get("racing", False) is False:
            return []
        wrong = "a particle filter's runs cannot be raced: few of them say little of a likelihood"
        return [Mistake(("racing",), wrong, "leave it out, or write false")]

    @field_validator("racing")
    @classmethod
    def _no_race_of_filters(cls, racing: bool | RacingSpec, info: ValidationInfo) -> bool | RacingSpec:
        return False if info.data.get("likelihood") is not None else racing

    @property
    def racing_after(self) -> int | None:
        """Replicates after which a set is judged; None: racing is off."""
        if isinstance(self.racing, RacingSpec):
            return self.racing.after
        return RacingSpec().after if self.racing else None

    @property
    def confirm_replicates(self) -> int:
        """Fresh replicates of each set that is confirmed."""
        return self.confirm.replicates or max(
            10 * (self.least_replicates or self.most_replicates), self.most_replicates
        )

    @property
    def most_replicates(self) -> int:
        """The most replicates that a set of the search gets."""
        return self.replicates.max if isinstance(self.replicates, ReplicatesSpec) else self.replicates

    @property
    def least_replicates(self) -> int | None:
        """The fewest, where each set has its own number; None: all have the same."""
        return self.replicates.min if isinstance(self.replicates, ReplicatesSpec) else None


class OutputsSpec(StrictModel):
    """Which simulations' output tables are kept."""

    keep: Literal["none", "best", "all"] = "none"


class AdaptiveSpec(StrictModel):
    """Everything about a run."""

    version: Annotated[Literal[1], BeforeValidator(_number_of_a_literal)] = Field(
        description="1, the version of this format"
    )
    name: str = Field(pattern=DNS_LABEL, description="a-z, 0-9 and -, up to 63 characters: the run's id")
    model: ModelSpec = Field(description="what is simulated")
    parameters: dict[str, ParameterSpec] = Field(
        default_factory=dict, description="what the model is given", json_schema_extra=_NAMED
    )
    nuisance: dict[str, NuisanceSpec] = Field(
        default_factory=dict,
        description="numbers of the observation that losses use, found for each parameter set",
        json_schema_extra=_NAMED,
    )
    targets: dict[str, TargetSpec] = Field(
        min_length=1, description="data, and the output that should come near it", json_schema_extra=_NAMED
    )
    search: SearchSpec = SearchSpec()
    outputs: OutputsSpec = OutputsSpec()
    workers: WorkersSpec = WorkersSpec()
    central_store: CentralStoreSpec | None = Field(default=None, description="needed when workers.replicas is above 1")
    workspace_ref: Annotated[str, Field(pattern=DNS_LABEL)] | None = Field(
        default=None, description="the workspace a run uses on a cluster"
    )
    bundle: Annotated[str, Field(pattern=r"^\S+$")] | None = Field(
        default=None, description="reference of code and data in a registry, instead of the spec's folder"
    )

    @classmethod
    def across(cls, given: Mapping[str, Any]) -> list[Mistake]:
        workers = given.get("workers")
        replicas = workers.get("replicas") if isinstance(workers, Mapping) else None
        found = [one for part in ("parameters", "nuisance", "targets") for one in _name_mistakes(given, part)]
        found += [*nuisance_mistakes(given), *_guess_mistakes(given)]
        if not may_be_class(given.get("model")):
            found += _bound_mistakes(given.get("parameters", {}))
        if isinstance(replicas, int) and replicas > 1 and given.get("central_store") is None:
            right = "add central_store: {kind: postgres}, which several workers share"
            found.append(
                Mistake(("workers", "replicas"), f"replicas is {replicas} and there is no central_store", right)
            )
        return found


def _name_mistakes(given: Mapping[str, Any], part: str) -> list[Mistake]:
    names = given.get(part)
    if not isinstance(names, Mapping):
        return []
    return [
        Mistake(
            (part, name),
            f"{shown(name)} cannot be a name",
            "begin with a letter or _; then letters, digits, _ . -",
            True,
        )
        for name in names
        if isinstance(name, str) and not re.fullmatch(NAME, name)
    ]


def may_be_class(model: object) -> bool:
    """Whether the model may have parameters and bounds of its own, which the spec need not name."""
    entrypoint = model.get("entrypoint") if isinstance(model, Mapping) else None
    if not isinstance(entrypoint, str):
        return entrypoint is not None
    return "/" in entrypoint.rpartition(":")[2] or entrypoint.rpartition(":")[2][:1].isupper()


def _bound_mistakes(parameters: object) -> list[Mistake]:
    """Missing bounds, for a model without bounds of its own."""
    if not isinstance(parameters, Mapping):
        return []
    ranges = {
        name: given for name, given in parameters.items() if isinstance(given, Mapping) and "choices" not in given
    }
    found = [
        Mistake(("parameters", name), f"{name} has no {' and no '.join(lacking)}", "give min and max, or choices")
        for name, given in ranges.items()
        if (lacking := [key for key in ("min", "max") if given.get(key) is None])
    ]
    if not any(given is None or isinstance(given, Mapping | list) for given in parameters.values()):
        found.append(Mistake(("parameters",), "no parameter is searched", "give one min and max, or choices"))
    return found


def _guess_mistakes(given: Mapping[str, Any]) -> list[Mistake]:
    parameters, search = given.get("parameters", {}), given.get("search")
    guesses = search.get("guesses") if isinstance(search, Mapping) else None
    if not isinstance(guesses, list | tuple) or not isinstance(parameters, Mapping):
        return []
    found: list[Mistake] = []
    for at, guess in enumerate(guesses):
        for name in guess if isinstance(guess, Mapping) else ():
            loc = ("search", "guesses", at, name)
            if name in parameters and not isinstance(parameters[name], Mapping) and parameters[name] is not None:
                found.append(Mistake(loc, f"{name} is fixed", "a guess names what is searched", True))
            elif name not in parameters and not may_be_class(given.get("model")):
                found.append(Mistake(loc, f"there is no parameter {name}", _known(name, parameters), True))
    return found


def _known(name: object, parameters: Mapping[str, Any]) -> str:
    near = nearest(name, [str(known) for known in parameters])
    known = ", ".join(str(name) for name in parameters) or "none"
    return f"did you mean {near}?" if near else f"the parameters are: {known}"
