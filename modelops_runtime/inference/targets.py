"""What the aligned values of a replicate are matched with, read back from `Run.observations` alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from modelops_runtime.contracts.observations import Key as StoredKey
from modelops_runtime.contracts.observations import TargetObservations
from modelops_runtime.evaluation.observation_noise import in_observed_unit, observable
from modelops_runtime.evaluation.score import ScoredTarget
from modelops_runtime.evaluation.stored import NotStored, stored_target
from modelops_runtime.ledger.base import Run
from modelops_runtime.losses.loss import LossError
from modelops_runtime.losses.registry import known_loss

DRAWS = 1_000
"""Draws of an observation's noise, of all replicates together: the 5 % quantile is known to about 0.7 points."""

DRAWN = 2_000_000
"""Numbers that are drawn for one target at most."""

_MATCHES = ("exact", "asof", "interpolate", "sum")

Key = bool | int | float | str | date | datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetData:
    """The observations of one target as results read them, [observations], with the columns that name them."""

    name: str
    keys: Mapping[str, Sequence[Key]]
    """Column -> one value an observation; dates are dates."""
    on: str | None
    """The key column that runs along the axis; the others are groups."""
    observed: NDArray[np.float64]
    """NaN for an interval."""
    start: int
    stop: int
    """The target's part of a replicate's aligned values."""
    weight: float
    loss: str
    value: str
    """What is observed, by the name of its column."""
    left_out: int
    """Observations that were empty or NaN in the data."""
    scored: ScoredTarget | None = None
    """The target as it was scored."""
    not_stored: str = ""
    """Why there is no `scored`."""

    @property
    def has_unit(self) -> bool:
        """Whether simulated values can be converted to the observed unit: not probabilities without their n."""
        loss = known_loss(self.loss)
        return self.scored is not None or loss is None or loss.in_observed_unit is None

    @property
    def of_n(self) -> NDArray[np.float64] | None:
        """Of how many each count was observed [observations]; None where the loss has no n, or it is not known."""
        term = self.scored.term if self.scored is not None else None
        return term.a if term is not None and term.loss.per_observation == "n" else None

    @property
    def assumes_noise(self) -> bool:
        """Whether the loss is a likelihood, which assumes that observations scatter about the simulated values."""
        loss = known_loss(self.loss)
        return loss is not None and loss.is_likelihood

    def in_observed_unit(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Simulated values of the target [replicates, observations] in the observed unit; no rows if they cannot be converted."""
        if not self.has_unit:
            return values[:0]
        return values if self.scored is None else in_observed_unit(self.scored.term, values)

    def observable(self, values: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
        """What would be observed of `values` [replicates, observations]: [draws, observations], the same for the same `seed`.

        No rows where the loss assumes no noise, or the values are such that none can be drawn.
        """
        if self.scored is None or not len(values):
            return values[:0]
        draws = max(1, min(math.ceil(DRAWS / len(values)), DRAWN // max(values.size, 1)))
        rng = np.random.default_rng([seed, crc32(self.name.encode())])
        try:
            return observable(self.scored.term, values, rng, draws=draws)
        except LossError:
            return values[:0]

    def at(self, nuisance: Mapping[str, float]) -> TargetData:
        """The same with these values of the nuisance parameters that its loss leaves open."""
        if self.scored is None or not self.scored.term.unknown:
            return self
        try:
            scored = replace(self.scored, term=self.scored.term.bound(nuisance))
        except KeyError as lacking:
            return replace(self, scored=None, not_stored=f"the value of {lacking} is not known")
        return replace(self, scored=scored)

    @property
    def by(self) -> tuple[str, ...]:
        """The columns that make groups."""
        return tuple(column for column in self.keys if column != self.on)


def targets_of(run: Run) -> list[TargetData]:
    """The targets in the order of the aligned values; none for a run that was recorded without observations."""
    specs = run.spec.get("targets") or {}
    return [_target(name, part, specs.get(name) or {}) for name, part in run.observations.targets.items()]


def _target(name: str, part: TargetObservations, spec: Mapping[str, Any]) -> TargetData:
    keys = {column: _dates(cells) if part.has_dates(column) else list(cells) for column, cells in part.keys.items()}
    try:
        scored, not_stored = stored_target(name, part, spec), ""
    except NotStored as missing:
        scored, not_stored = None, str(missing)
    return TargetData(
        name=name,
        keys=keys,
        on=_on(spec, keys),
        observed=np.array(part.numbers, dtype=np.float64),
        start=part.start,
        stop=part.stop,
        weight=part.weight,
        loss=part.loss,
        value=_value_name(name, spec),
        left_out=part.left_out,
        scored=scored,
        not_stored=not_stored,
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


def _dates(values: Sequence[StoredKey]) -> list[Key]:
    """ISO texts as dates, or as times (by their own clock) when any has a time of day."""
    times = [datetime.fromisoformat(str(value)).replace(tzinfo=None) for value in values]
    if all(time == datetime.combine(time.date(), datetime.min.time()) for time in times):
        return [time.date() for time in times]
    return list(times)
