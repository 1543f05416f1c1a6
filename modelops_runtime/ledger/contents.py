"""Checks of the JSON in a ledger's rows, so that its readers can rely on its form. All raise ValueError."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from modelops_runtime.contracts.answer import Answer
from modelops_runtime.contracts.observations import Observations


def check_params(params: Mapping[str, Any]) -> None:
    """Must be: name -> a finite number, a text, true or false."""
    for name, value in params.items():
        if not _is_scalar(value):
            raise ValueError(f"holds no value of parameter {name!r} (a number, text, true or false)")


def check_texts(texts: Mapping[str, Any]) -> None:
    """Must be: name -> text."""
    _each(texts, str, "text")


def check_spec(spec: Mapping[str, Any]) -> None:
    """Must be a spec with its defaults; only the parts that results read are checked."""
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
    """Must be: name -> a range, or choices."""
    for name, given in space.items():
        whole = isinstance(given, dict) and ("choices" in given or {"min", "max", "scale"} <= set(given))
        if not whole or not _is_range(given):
            raise ValueError(f"has a parameter {name!r} that is no range or choice")


def check_summary(summary: Mapping[str, Any]) -> None:
    """The answer of a run; what an older one lacks may be absent."""
    answer = Answer.from_json(summary)
    for name, values in (("params", answer.params), ("derived", answer.derived)):
        if not isinstance(values, dict) or not all(value is None or _is_scalar(value) for value in values.values()):
            raise ValueError(f"has {name!r} that are not values by their names")
    numbers = {
        "loss": answer.loss,
        "loss_se": answer.loss_se,
        "confirmed_loss": answer.confirmed_loss,
        "confirmed_loss_se": answer.confirmed_loss_se,
        "confirmed_replicates": answer.confirmed_replicates,
        "best_trial": answer.best_trial,
    }
    for name, value in numbers.items():
        if not isinstance(value, int | float | None):
            raise ValueError(f"has a {name!r} that is no number")


def values_of(observations: Observations, spec: Mapping[str, Any]) -> int | None:
    """The number of aligned values of a replicate; None for a run that was recorded without its observations.

    One for each observation; two if the likelihood is a particle filter's: a value, and what it adds to log p.
    """
    count = max((part.stop for part in observations), default=None)
    search = spec.get("search")
    of_filter = isinstance(search, Mapping) and search.get("likelihood") is not None
    return None if count is None else count * (2 if of_filter else 1)


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
