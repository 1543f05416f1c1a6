"""What the aligned values of a replicate are matched with, read back from `Run.observations` alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelops_runtime.ledger.base import Run

_MATCHES = ("exact", "asof", "interpolate", "sum")

Key = bool | int | float | str | date | datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetData:
    """The observations of one target, [observations], with the columns that name them."""

    name: str
    keys: Mapping[str, Sequence[Key]]
    """Column -> one value an observation; dates are dates."""
    on: str | None
    """The key column that runs along the axis; the others are groups."""
    observed: NDArray[np.float64]
    start: int
    stop: int
    """The target's part of a replicate's aligned values."""
    weight: float
    loss: str
    value: str
    """What is observed, by the name of its column."""
    left_out: int
    """Observations that were empty or NaN in the data."""

    @property
    def by(self) -> tuple[str, ...]:
        """The columns that make groups."""
        return tuple(column for column in self.keys if column != self.on)


def targets_of(run: Run) -> list[TargetData]:
    """The targets in the order of the aligned values; none for a run that was recorded without observations."""
    specs = run.spec.get("targets") or {}
    return [_target(name, part, specs.get(name) or {}) for name, part in run.observations.items()]


def _target(name: str, part: Mapping[str, Any], spec: Mapping[str, Any]) -> TargetData:
    dated = part.get("dates") or ()
    keys = {column: _dates(values) if column in dated else list(values) for column, values in part["keys"].items()}
    return TargetData(
        name=name,
        keys=keys,
        on=_on(spec, keys),
        observed=np.array(part["observed"], dtype=np.float64),
        start=part["start"],
        stop=part["stop"],
        weight=part["weight"],
        loss=part["loss"],
        value=_value_name(name, spec),
        left_out=part["left_out"],
    )


def _on(spec: Mapping[str, Any], keys: Mapping[str, Sequence[Key]]) -> str | None:
    match = spec.get("match")
    if isinstance(match, Mapping):
        named = [match[kind] for kind in _MATCHES if match.get(kind)]
        on = next((column for column in named if column in keys), None)
        if on is not None:
            return on
    return next(iter(keys), None)


def _value_name(name: str, spec: Mapping[str, Any]) -> str:
    value = spec.get("value")
    if isinstance(value, Mapping):
        return str(value.get("observed") or name)
    return str(value or name)


def _dates(values: Sequence[str]) -> list[Key]:
    """ISO texts as dates, or as times (by their own clock) when any has a time of day."""
    times = [datetime.fromisoformat(value).replace(tzinfo=None) for value in values]
    if all(time == datetime.combine(time.date(), datetime.min.time()) for time in times):
        return [time.date() for time in times]
    return list(times)
