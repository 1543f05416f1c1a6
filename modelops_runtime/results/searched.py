"""The searched parameters of a run, and where a value lies in its range."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.ledger.base import Run, Trial
from modelops_runtime.results.figures import fmt


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """One searched parameter: a range, or choices."""

    name: str
    low: float | None = None
    high: float | None = None
    scale: str = "linear"
    choices: tuple[Scalar, ...] = ()
    whole: bool = False

    def share(self, value: float) -> float:
        """Where a value lies between the bounds, 0 to 1, on the parameter's own scale."""
        assert self.low is not None
        assert self.high is not None
        low, high, at = (_on_scale(v, self.scale) for v in (self.low, self.high, value))
        return (at - low) / (high - low) if high > low else 0.5

    def value(self, share: float) -> float:
        """The value at a share of the range: the inverse of `share`."""
        assert self.low is not None
        assert self.high is not None
        low, high = _on_scale(self.low, self.scale), _on_scale(self.high, self.scale)
        at = low + share * (high - low)
        if self.scale == "log" and self.low > 0:
            return math.exp(at)
        return 1 / (1 + math.exp(-at)) if self.scale == "logit" else at


def _on_scale(value: float, scale: str) -> float:
    if scale == "log" and value > 0:
        return math.log(value)
    if scale == "logit" and 0 < value < 1:
        return math.log(value / (1 - value))
    return value


def searched_of(run: Run, trials: Sequence[Trial]) -> list[Searched]:
    """The searched parameters, from the spec; those that the model's class bounds (absent there) from what was tried."""
    written: Mapping[str, Any] = run.spec.get("parameters") or {}
    names = dict.fromkeys([*written, *sorted({name for trial in trials for name in trial.params or {}})])
    found: list[Searched] = []
    for name in names:
        given = written.get(name)
        tried = [trial.params[name] for trial in trials if trial.params and name in trial.params]
        if isinstance(given, Mapping) and given.get("choices"):
            found.append(Searched(name=name, choices=tuple(given["choices"])))
        elif isinstance(given, Mapping) and given.get("min") is not None and given.get("max") is not None:
            found.append(_range(name, given))
        elif (isinstance(given, Mapping) or name not in written) and len(set(tried)) > 1:
            found.append(_from_tried(name, tried, str((given or {}).get("scale") or "linear")))
    return found


def _range(name: str, given: Mapping[str, Any]) -> Searched:
    scale = str(given.get("scale") or "linear")
    low, high = float(given["min"]), float(given["max"])
    return Searched(name=name, low=low, high=high, scale=scale, whole=given.get("type") == "int")


def _from_tried(name: str, tried: Sequence[Scalar], scale: str) -> Searched:
    numbers = [float(v) for v in tried if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) < len(tried):
        return Searched(name=name, choices=tuple(dict.fromkeys(tried)))
    whole = all(isinstance(v, int) for v in tried)
    return Searched(name=name, low=min(numbers), high=max(numbers), scale=scale, whole=whole)


def on_bound(parameter: Searched, params: Mapping[str, Scalar]) -> str:
    """A line when the value sits on the parameter's bound: the answer may lie beyond it."""
    value = params.get(parameter.name)
    if parameter.low is None or parameter.high is None or not isinstance(value, int | float):
        return ""
    share = parameter.share(value)
    side = "lower" if share < 0.01 else "upper" if share > 0.99 else ""
    bound = parameter.low if side == "lower" else parameter.high
    return f"{parameter.name} sits on its {side} bound ({fmt(bound)}): a wider range may fit better." if side else ""
