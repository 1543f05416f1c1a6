"""What the JSON of a run's rows must hold, so that whoever reads it need not doubt it. Raises ValueError."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any


def check_params(params: Mapping[str, Any]) -> None:
    """Name -> a number that is finite, a text, true or false."""
    for name, value in params.items():
        if not _is_scalar(value):
            raise ValueError(f"holds no value of parameter {name!r} (a number, text, true or false)")


def check_texts(texts: Mapping[str, Any]) -> None:
    """Name -> text."""
    _each(texts, str, "text")


def check_spec(spec: Mapping[str, Any]) -> None:
    """A spec with its defaults, as far as the results read it."""
    for name in ("parameters", "targets", "search"):
        if not isinstance(spec.get(name, {}), dict):
            raise ValueError(f"has a {name!r} that is no object")
    for name, given in spec.get("parameters", {}).items():
        if not (_is_range(given) if isinstance(given, dict) else _is_scalar(given)):
            raise ValueError(f"has a parameter {name!r} that is no value, range or choice")
    for name, given in spec.get("targets", {}).items():
        if not isinstance(given or {}, dict):
            raise ValueError(f"has a target {name!r} that is no object")


def check_space(space: Mapping[str, Any]) -> None:
    """Name -> a range, or choices."""
    for name, given in space.items():
        whole = isinstance(given, dict) and ("choices" in given or {"min", "max", "scale"} <= set(given))
        if not whole or not _is_range(given):
            raise ValueError(f"has a parameter {name!r} that is no range or choice")


def check_observations(parts: Mapping[str, Any]) -> None:
    """What the aligned values are matched with (`EvaluationPlan.observations`)."""
    _each(parts, dict, "an object")
    for name, part in parts.items():
        try:
            count = part["stop"] - part["start"]
            whole = (
                len(part["observed"]) == count
                and all(isinstance(value, int | float) for value in part["observed"])
                and all(isinstance(values, list) and len(values) == count for values in part["keys"].values())
                and isinstance(part["loss"], str)
                and math.isfinite(part["weight"] + part["left_out"] + part["start"])
            )
            for column in part.get("dates", ()):
                any(datetime.fromisoformat(value) is None for value in part["keys"].get(column, ()))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"has a target {name!r} that cannot be read ({type(error).__name__}: {error})") from error
        if not whole:
            raise ValueError(f"has a target {name!r} whose keys, observations and places do not go together")


def check_summary(summary: Mapping[str, Any]) -> None:
    """The answer of a run; what an older one lacks may be absent."""
    for name in ("params", "derived"):
        values = summary.get(name) or {}
        if not isinstance(values, dict) or not all(value is None or _is_scalar(value) for value in values.values()):
            raise ValueError(f"has {name!r} that are not values by their names")
    for name in ("loss", "loss_se", "confirmed_loss", "confirmed_loss_se", "confirmed_replicates", "best_trial"):
        if not isinstance(summary.get(name), int | float | None):
            raise ValueError(f"has a {name!r} that is no number")


def values_of(observations: Mapping[str, Any]) -> int | None:
    """How many aligned values a replicate has; None for a run that was recorded without its observations."""
    return max((part["stop"] for part in observations.values()), default=None)


def _each(values: Mapping[str, Any], kind: type, what: str) -> None:
    for name, value in values.items():
        if not isinstance(value, kind):
            raise ValueError(f"has a {name!r} that is not {what}")


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | bool) or (isinstance(value, int | float) and math.isfinite(value))


def _is_range(given: Mapping[str, Any]) -> bool:
    choices, numbers = given.get("choices"), [given.get(name) for name in ("min", "max", "step")]
    return (
        (choices is None or (isinstance(choices, list) and bool(choices) and all(map(_is_scalar, choices))))
        and all(number is None or (isinstance(number, int | float) and math.isfinite(number)) for number in numbers)
        and isinstance(given.get("scale", ""), str | None)
    )
