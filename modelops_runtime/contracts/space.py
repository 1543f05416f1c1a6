"""The search space: the searched ones of the spec's `parameters`, without fixed values.

A parameter knows its valid values, its middle, and each value's coordinate in [0, 1]. A real number's coordinate
is its position between the bounds on its scale (linear, log or logit). An integer or a choice is one of n equal cells,
`int(u * n)`; an integer on a log scale has a cell as wide as log(value + 1) - log(value).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from modelops_runtime.contracts.parameters import Scalar, UniqueParameterSet
from modelops_runtime.contracts.priors import Prior

Scale = Literal["linear", "log", "logit"]


def on_scale(value: float, scale: str) -> float:
    """A value transformed so that `scale` is linear. Raises ValueError for a value outside the scale."""
    if scale == "log":
        return math.log(value)
    if scale == "logit":
        return math.log(value) - math.log1p(-value)
    return value


def off_scale(x: float, scale: str) -> float:
    """The inverse of `on_scale`."""
    if scale == "log":
        return math.exp(x)
    if scale == "logit":
        return 1.0 / (1.0 + math.exp(-x)) if x > -700 else math.exp(x)
    return x


@dataclass(frozen=True, slots=True, kw_only=True)
class RealParameter:
    """A real number in [low, high]; `scale` is how it is searched (log: low > 0; logit: 0 < low, high < 1)."""

    name: str
    low: float
    high: float
    scale: Scale = "linear"
    prior: Prior | None = None
    """None: uniform on its scale."""

    def problem_with(self, value: object) -> str | None:
        """Why `value` is not valid for this parameter; None if it is."""
        if not isinstance(value, float | int) or isinstance(value, bool) or not math.isfinite(value):
            return f"{self.name} = {value!r}, which is not a finite number"
        return _outside(self, value)

    def contains(self, value: object) -> bool:
        return self.problem_with(value) is None

    def middle(self) -> float:
        """The middle of the range on its scale."""
        low, high = self.low, self.high
        if self.scale == "log":
            middle = math.sqrt(low * high)
        elif self.scale == "logit":
            odds = math.sqrt(low / (1 - low) * (high / (1 - high)))
            middle = odds / (1 + odds)
        else:
            middle = (low + high) / 2
        return middle if low <= middle <= high else self.from_unit(0.5)  # the widest bounds overflow

    def to_unit(self, value: Scalar) -> float:
        """The coordinate in [0, 1] of a value. Raises ValueError."""
        low, high = on_scale(self.low, self.scale), on_scale(self.high, self.scale)
        if low == high:
            return 0.5
        x = on_scale(float(value), self.scale)
        # in halves, since the span of the widest bounds overflows
        return _clipped((0.5 * x - 0.5 * low) / (0.5 * high - 0.5 * low))

    def from_unit(self, u: float) -> float:
        """The value at a coordinate, within the bounds despite rounding."""
        low, high = on_scale(self.low, self.scale), on_scale(self.high, self.scale)
        value = off_scale(low * (1.0 - u) + high * u, self.scale)
        return float(min(max(value, self.low), self.high))


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegerParameter:
    """One of low, low + step, ... up to high (included when it falls on a step); scale log needs step 1 and low >= 1."""

    name: str
    low: int
    high: int
    step: int = 1
    scale: Literal["linear", "log"] = "linear"
    prior: Prior | None = None
    """None: uniform on its scale."""

    @property
    def count(self) -> int:
        """The number of values."""
        return (self.high - self.low) // self.step + 1

    def problem_with(self, value: object) -> str | None:
        """Why `value` is not valid for this parameter; None if it is."""
        if not isinstance(value, int) or isinstance(value, bool):
            return f"{self.name} = {value!r}, which is not an integer"
        if (value - self.low) % self.step:
            return f"{self.name} = {value}, which is not {self.low} plus a multiple of {self.step}"
        return _outside(self, value)

    def contains(self, value: object) -> bool:
        return self.problem_with(value) is None

    def index_of(self, value: int) -> int:
        """How many steps `value` lies above the lowest."""
        return (value - self.low) // self.step

    def middle(self) -> int:
        """The middle of the steps, whatever the scale."""
        return self.low + self.step * ((self.high - self.low) // self.step // 2)

    def to_unit(self, value: Scalar) -> float:
        """The middle of a value's cell in [0, 1]. Raises ValueError."""
        number = float(value)
        if self.scale == "log":
            low, high = math.log(self.low), math.log(self.high + 1)
            return _clipped((0.5 * (math.log(number) + math.log(number + 1)) - low) / (high - low))
        return _clipped((self.index_of(int(number)) + 0.5) / self.count)

    def from_unit(self, u: float) -> int:
        """The value whose cell contains a coordinate."""
        if self.scale == "log":
            low, high = math.log(self.low), math.log(self.high + 1)
            return min(max(int(math.exp(low + u * (high - low))), self.low), self.high)
        return self.low + self.step * _cell(u, self.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceParameter:
    """One of `choices`, which have no order; `True`, `1` and `1.0` differ."""

    name: str
    choices: tuple[Scalar, ...]

    @property
    def count(self) -> int:
        """The number of values."""
        return len(self.choices)

    def problem_with(self, value: object) -> str | None:
        """Why `value` is not valid for this parameter; None if it is."""
        if self._place_of(value) is not None:
            return None
        return f"{self.name} = {value!r}, which is none of {', '.join(map(repr, self.choices))}"

    def contains(self, value: object) -> bool:
        return self._place_of(value) is not None

    def index_of(self, value: Scalar) -> int:
        """The index of a choice. Raises ValueError."""
        place = self._place_of(value)
        if place is None:
            raise ValueError(f"{self.name} = {value!r} is none of {', '.join(map(repr, self.choices))}")
        return place

    def middle(self) -> Scalar:
        """The first: choices have no order."""
        return self.choices[0]

    def to_unit(self, value: Scalar) -> float:
        """The middle of a choice's cell in [0, 1]. Raises ValueError."""
        return (self.index_of(value) + 0.5) / self.count

    def from_unit(self, u: float) -> Scalar:
        """The choice whose cell contains a coordinate."""
        return self.choices[_cell(u, self.count)]

    def _place_of(self, value: object) -> int | None:
        for index, choice in enumerate(self.choices):
            if type(choice) is type(value) and choice == value:
                return index
        return None


Parameter = RealParameter | IntegerParameter | ChoiceParameter


@dataclass(frozen=True, slots=True)
class ParameterSpace:
    """The searched parameters, sorted by name (algorithms depend on that order)."""

    parameters: tuple[Parameter, ...]

    def __post_init__(self) -> None:
        names = [parameter.name for parameter in self.parameters]
        if names != sorted(set(names)):
            raise ValueError(f"parameter names must be unique and sorted, got {names}")

    def problems_with(self, params: Mapping[str, object]) -> list[tuple[str, str]]:
        """What is wrong with `params` as a point of the space: (the parameter's name, the problem in words)."""
        names = {parameter.name for parameter in self.parameters}
        found = [(name, f"no value for {name}") for name in sorted(names - set(params))]
        found += [(name, f"a value for {name}, which is not searched") for name in sorted(set(params) - names)]
        for parameter in self.parameters:
            if parameter.name in params and (text := parameter.problem_with(params[parameter.name])):
                found.append((parameter.name, text))
        return found

    def middle(self) -> dict[str, Scalar]:
        """The middle of each parameter, on its own scale; the first of a list of choices."""
        return {parameter.name: parameter.middle() for parameter in self.parameters}

    def at(self, point: Sequence[float]) -> UniqueParameterSet:
        """The parameter set at a point of the unit cube [parameters]."""
        return UniqueParameterSet.of(
            {p.name: p.from_unit(float(u)) for p, u in zip(self.parameters, point, strict=True)}
        )


@dataclass(frozen=True, slots=True)
class RangeProblem:
    """A mistake in a written range and its correction."""

    key: str
    """`min`, `max`, `scale` or `step`."""
    wrong: str
    right: str


def range_problems(
    *, low: float | None, high: float | None, scale: object = "linear", whole: bool = False, step: float | None = None
) -> list[RangeProblem]:
    """Contradictions between the parts of a range; a part that is None is not checked."""
    found: list[RangeProblem] = []
    if low is not None and high is not None and low >= high:
        found.append(RangeProblem("min", f"min is {low}, not below max {high}", "min must be below max"))
    else:
        found += _scale_problems(scale, low, high)
    if whole:
        found += _whole_problems(scale, low, high, step)
    elif step is not None:
        found.append(RangeProblem("step", "step is for whole numbers", "add type: int, or leave step out"))
    return found


def _scale_problems(scale: object, low: float | None, high: float | None) -> list[RangeProblem]:
    found: list[RangeProblem] = []
    for key, bound in (("min", low), ("max", high)):
        if bound is None:
            continue
        if scale == "log" and bound <= 0:
            right = f"{key} must be above 0, or scale: linear"
            found.append(RangeProblem(key, f"a log scale has {key} {bound}", right))
        if scale == "logit" and not 0 < bound < 1:
            right = "both bounds must lie inside (0, 1), 0 and 1 left out"
            found.append(RangeProblem(key, f"a logit scale has {key} {bound}", right))
    return found


def _whole_problems(scale: object, low: float | None, high: float | None, step: float | None) -> list[RangeProblem]:
    found = [
        RangeProblem(key, f"{key} is {bound}, and the type is int", f"{key} must be a whole number, or type: float")
        for key, bound in (("min", low), ("max", high))
        if bound is not None and bound != int(bound)
    ]
    if scale == "logit":
        found.append(RangeProblem("scale", "a logit scale is for real numbers", "write linear or log"))
    if step is None or step < 1:
        return found
    if scale == "log" and step != 1:
        found.append(RangeProblem("step", f"a log scale has step {step}", "with scale: log, step is 1"))
    elif low is not None and high is not None and low < high and step > high - low:
        wrong = f"step is {step}, above max - min = {high - low}"
        found.append(RangeProblem("step", wrong, "at least min + step must be within max"))
    return found


def _outside(parameter: RealParameter | IntegerParameter, value: float) -> str | None:
    if parameter.low <= value <= parameter.high:
        return None
    return f"{parameter.name} = {value}, outside [{parameter.low}, {parameter.high}]"


def _cell(u: float, count: int) -> int:
    return min(max(int(u * count), 0), count - 1)


def _clipped(u: float) -> float:
    return min(max(u, 0.0), 1.0)
