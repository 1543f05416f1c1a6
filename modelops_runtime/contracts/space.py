"""The space a search moves in: what an algorithm is told of the spec's `parameters`. Fixed values are not part of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from modelops_runtime.contracts.parameters import Scalar

Scale = Literal["linear", "log", "logit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RealParameter:
    """A real number in [low, high]; `scale` is how it is searched (log: low > 0; logit: 0 < low, high < 1)."""

    name: str
    low: float
    high: float
    scale: Scale = "linear"


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegerParameter:
    """One of low, low + step, ... up to high (included when it falls on a step); scale log needs step 1 and low >= 1."""

    name: str
    low: int
    high: int
    step: int = 1
    scale: Literal["linear", "log"] = "linear"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceParameter:
    """One of `choices`, which have no order."""

    name: str
    choices: tuple[Scalar, ...]


Parameter = RealParameter | IntegerParameter | ChoiceParameter


@dataclass(frozen=True, slots=True)
class ParameterSpace:
    """The searched parameters, sorted by name (algorithms depend on that order)."""

    parameters: tuple[Parameter, ...]

    def __post_init__(self) -> None:
        names = [parameter.name for parameter in self.parameters]
        if names != sorted(set(names)):
            raise ValueError(f"parameter names must be unique and sorted, got {names}")
