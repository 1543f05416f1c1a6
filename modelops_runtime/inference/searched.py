"""The searched parameters of a run, and where a value lies in its range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.priors import Prior
from modelops_runtime.contracts.space import (
    ChoiceParameter,
    IntegerParameter,
    Parameter,
    RealParameter,
    Scale,
    on_scale,
)
from modelops_runtime.contracts.wording import fmt
from modelops_runtime.ledger.base import Run, Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """One searched parameter: a range, or choices."""

    name: str
    low: float | None = None
    high: float | None = None
    scale: Scale = "linear"
    choices: tuple[Scalar, ...] = ()
    whole: bool = False
    prior: Prior | None = None
    """None: uniform on its scale."""
    tried: tuple[Scalar, ...] = ()
    """What was tried where neither bounds nor choices are known: for the axis of a figure, and nothing else."""

    @property
    def is_known(self) -> bool:
        """Whether its bounds or choices are."""
        return bool(self.choices) or self.low is not None

    @property
    def names(self) -> tuple[Scalar, ...]:
        """The places of an axis of names; none for numbers."""
        plain = all(isinstance(value, int | float) and not isinstance(value, bool) for value in self.tried)
        return self.choices or (() if plain else self.tried)

    @property
    def prior_text(self) -> str:
        """Its prior in words; nothing where its range is not known."""
        if self.low is None:
            return ""
        if self.prior is not None:
            return f"{self.prior}, cut to this range"
        return "uniform" if self.scale == "linear" else f"uniform on the {self.scale} scale"

    @property
    def axis(self) -> tuple[float, float]:
        """The ends of an axis of numbers."""
        tried = [float(value) for value in self.tried]
        low = self.low if self.low is not None else min(tried, default=0.0)
        return low, self.high if self.high is not None else max(tried, default=1.0)

    def share(self, value: float) -> float:
        """Where a value lies between the bounds, 0 to 1, on the parameter's own scale; 0 or 1 beyond them."""
        range_ = self._range()
        return range_.to_unit(min(max(value, range_.low), range_.high))

    def value(self, share: float) -> float:
        """The value at a share of the range: the inverse of `share`."""
        return self._range().from_unit(share)

    @property
    def span(self) -> float:
        """The width of the range on the parameter's own scale."""
        if self.low is None or self.high is None:
            return 0.0
        return on_scale(self.high, self.scale) - on_scale(self.low, self.scale)

    def _range(self) -> RealParameter:
        """The range as one of real numbers, whole ones too: an interval may end between two of them."""
        assert self.low is not None
        assert self.high is not None
        return RealParameter(name=self.name, low=self.low, high=self.high, scale=self.scale)


def searched_of(run: Run, trials: Sequence[Trial]) -> list[Searched]:
    """The searched parameters in the order of the spec, then those that the model's class alone has.

    Their bounds are those that were searched (`Run.space`); in a run that an older ModelOps made, those of the spec. Bounds that
    only the class had are not known then: never are they taken from what was tried.
    """
    written: Mapping[str, Any] = run.spec.get("parameters") or {}
    given: Mapping[str, Any] = run.space or {n: g for n, g in written.items() if isinstance(g, Mapping)}
    tried = _tried(trials) if not run.space else {}
    names = [name for name in written if name in given]
    names += [name for name in sorted({*given, *tried}) if name not in written]
    found = [_searched(name, given.get(name, {}), tried.get(name, ())) for name in names]
    return [parameter for parameter in found if parameter.is_known or len(set(parameter.tried)) > 1]


def searched_in(parameter: Parameter) -> Searched:
    """A parameter of a space that is known."""
    if isinstance(parameter, ChoiceParameter):
        return Searched(name=parameter.name, choices=parameter.choices)
    return Searched(
        name=parameter.name,
        low=float(parameter.low),
        high=float(parameter.high),
        scale=parameter.scale,
        whole=isinstance(parameter, IntegerParameter),
        prior=parameter.prior,
    )


def _tried(trials: Sequence[Trial]) -> dict[str, tuple[Scalar, ...]]:
    found: dict[str, dict[tuple[type, Scalar], Scalar]] = {}
    for trial in trials:
        for name, value in (trial.params or {}).items():
            found.setdefault(name, {})[(type(value), value)] = value
    return {name: tuple(values.values()) for name, values in found.items()}


def _searched(name: str, given: Mapping[str, Any], tried: Sequence[Scalar]) -> Searched:
    if given.get("choices"):
        return Searched(name=name, choices=tuple(given["choices"]))
    scale: Scale = next((each for each in get_args(Scale) if each == given.get("scale")), "linear")
    whole = given.get("type") == "int"
    if given.get("min") is None or given.get("max") is None:
        return Searched(name=name, scale=scale, whole=whole, tried=_ends(tried))
    low, high = float(given["min"]), float(given["max"])
    return Searched(name=name, low=low, high=high, scale=scale, whole=whole, prior=_prior(given))


def _prior(given: Mapping[str, Any]) -> Prior | None:
    """The stored prior; None, too, for a kind that a later version has."""
    try:
        return Prior.from_json(given["prior"]) if given.get("prior") else None
    except (KeyError, TypeError, ValueError):
        return None


def _ends(tried: Sequence[Scalar]) -> tuple[Scalar, ...]:
    """The least and the largest of numbers; all where any is none."""
    numbers = [value for value in tried if isinstance(value, int | float) and not isinstance(value, bool)]
    return tuple(tried) if len(numbers) < len(tried) or not numbers else (min(numbers), max(numbers))


ON = 0.01
"""Share of a range, from its bound, within which a value sits on the bound."""

NEAR = 0.02
"""... within which it is near it, ..."""

NEARBY = 0.05
"""... or within which it is, where no interval ends before the bound."""


def side_of(parameter: Searched, params: Mapping[str, Scalar], *, within: float) -> str:
    """`lower` or `upper` for a value within this share of the range from that bound, else nothing."""
    value = params.get(parameter.name)
    if parameter.low is None or parameter.high is None or isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    share = parameter.share(value)
    return "lower" if share < within else "upper" if share > 1 - within else ""


def on_bound(parameter: Searched, params: Mapping[str, Scalar]) -> str:
    """A line when the value sits on the parameter's bound: the answer may lie beyond it."""
    side = side_of(parameter, params, within=ON)
    bound = parameter.low if side == "lower" else parameter.high
    return f"{parameter.name} sits on its {side} bound ({fmt(bound)}): a wider range may fit better." if side else ""


def near_bound(parameter: Searched, params: Mapping[str, Scalar], *, excluded: bool) -> str:
    """A line when the value is near the parameter's bound and not on it. `excluded`: its interval ends before the bound."""
    side = side_of(parameter, params, within=NEAR if excluded else NEARBY)
    if not side or on_bound(parameter, params):
        return ""
    bound, name = parameter.low if side == "lower" else parameter.high, parameter.name
    return (
        f"{name} is {fmt(params[name])}, near its {side} bound ({fmt(bound)}): nothing beyond was tried, and the answer may lie"
        " there."
    )


def bounds_unknown(parameters: Sequence[Searched]) -> str:
    """A line on the parameters whose bounds are not known, if any."""
    if not (names := [parameter.name for parameter in parameters if not parameter.is_known]):
        return ""
    return (
        f"The bounds of {listed(names)} are not known: the model's class has them, and the older ModelOps that made this run did"
        " not keep them. Whether a value lies on its bound cannot be said."
    )


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
