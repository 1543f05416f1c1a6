"""The table of fits: each replicate's aligned values beside the observations, with the keys by which they were matched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from modelops_runtime.contracts.observations import Key, Observations
from modelops_runtime.contracts.trial import phase_of
from modelops_runtime.evaluation.fit import simulated_part, stack
from modelops_runtime.evaluation.stored import kept_numbers, loss_of
from modelops_runtime.losses.registry import known_loss
from modelops_runtime.statistics.array import Array

Nuisance = Mapping[tuple[int, str], Mapping[str, float]]
"""(trial, phase) -> the nuisance parameters of the observation that its loss has found."""


def key_columns(observations: Observations) -> dict[str, pa.Array]:
    """The matched keys of all observations, one column for each name that any target uses; null where a target does not.

    Dates become timestamps (days where there is no time of day); a name with several types becomes text.
    """
    columns: dict[str, list[Any]] = {}
    for name in dict.fromkeys(name for part in observations for name in part.keys):
        cells: list[Any] = []
        for part in observations:
            given = part.keys.get(name, (None,) * len(part))
            cells += map(_instant, given) if part.has_dates(name) else given
        columns[name] = cells
    return {name: _array(cells) for name, cells in columns.items()}


def fit_table(
    observations: Observations,
    replicates: Iterable[tuple[int, int, bytes]],
    targets: Mapping[str, Any] | None = None,
    nuisance: Nuisance | None = None,
) -> pa.Table:
    """One row an observation and replicate: trial, replicate, target, keys, observed, simulated (null: not matched), phase.

    `simulated` is in the unit of `observed`. If a target compares counts of n with probabilities, there are `n` and
    `probability` too, null for the other targets: simulated is n * probability, null if an older run did not store n. So
    for any loss whose model simulates in another unit, under the names of that loss.

    `replicates` are (trial, replicate, aligned values); `targets` is that of `Run.spec`. Where a loss multiplies simulated
    values by a nuisance parameter, `nuisance` has its value for each trial and phase; without it they are null.
    """
    listed = list(replicates)
    named = [name for name, part in observations.targets.items() for _ in range(len(part))]
    observed = [value for part in observations for value in part.numbers]
    n, r = len(observed), len(listed)
    values = stack([simulated_part(row, n) for _, _, row in listed])
    values = values.reshape(r, n)
    again = pa.array(np.tile(np.arange(n), r))
    rows_of = [(number, phase_of(index)) for number, index, _ in listed]
    scaled = _multiplied(observations, targets or {}, values, [(nuisance or {}).get(row, {}) for row in rows_of])
    simulated, counts = _in_observed_unit(observations, targets or {}, scaled)
    taken = (*_OWN, *counts)
    keys = {name if name not in taken else f"key.{name}": column for name, column in key_columns(observations).items()}
    return pa.table(
        {
            "trial": pa.array(np.repeat(np.array([trial for trial, _, _ in listed], dtype=np.int64), n)),
            "replicate": pa.array(np.repeat(np.array([index for _, index, _ in listed], dtype=np.int64), n)),
            "target": pa.array(named, pa.string()).take(again),
            **{name: column.take(again) for name, column in keys.items()},
            "observed": pa.array(observed, pa.float64(), from_pandas=True).take(again),
            "simulated": _numbers(simulated),
            "phase": pa.array([phase_of(index) for _, index, _ in listed], pa.string()).take(
                pa.array(np.repeat(np.arange(r), n))
            ),
            **{name: _numbers(column) for name, column in counts.items()},
        }
    )


_OWN = ("trial", "replicate", "target", "observed", "simulated", "phase", "n", "probability")


def _multiplied(
    observations: Observations, targets: Mapping[str, Any], values: Array, found: Sequence[Mapping[str, float]]
) -> Array:
    """`values` [R, N] as the losses compare them; NaN where a factor is not known. `found` has each row's nuisance parameters."""
    factors = {name: loss_of(targets.get(name) or {}).get("multiply") for name in observations.targets}
    if all(factor is None for factor in factors.values()):
        return values
    scaled = values.copy()
    for name, factor in factors.items():
        if isinstance(factor, Mapping):
            known = [row.get(factor.get("parameter", ""), np.nan) for row in found]
            scaled[:, observations.targets[name].place] *= np.array(known, dtype=np.float64).reshape(-1, 1)
        elif factor is not None:
            scaled[:, observations.targets[name].place] *= factor
    return scaled


def _in_observed_unit(
    observations: Observations, targets: Mapping[str, Any], values: Array
) -> tuple[Array, dict[str, Array]]:
    """`values` [R, N] in the observations' unit; and what they are converted from (n and probability) [R, N], by name."""
    simulated, counts = values, {}
    for name, part in observations.targets.items():
        loss = known_loss(part.loss)
        if loss is None or loss.in_observed_unit is None:
            continue
        if not counts:
            simulated = values.copy()
        for column in (loss.per_observation, loss.simulated_as):
            counts.setdefault(column, np.full(values.shape, np.nan))
        place = part.place
        kept = kept_numbers(loss.per_observation, part, loss_of(targets.get(name) or {}))
        counts[loss.per_observation][:, place] = np.nan if kept is None else kept
        counts[loss.simulated_as][:, place] = values[:, place]
        simulated[:, place] = loss.in_observed_unit(values[:, place], counts[loss.per_observation][:, place])
    return simulated, counts


def _numbers(values: Array) -> pa.Array:
    return pa.array(values.reshape(-1), pa.float64(), from_pandas=True)


def _instant(cell: Key) -> datetime | None:
    return None if cell is None else datetime.fromisoformat(str(cell)).replace(tzinfo=None)


def _array(cells: list[Any]) -> pa.Array:
    given = [cell for cell in cells if cell is not None]
    if given and all(isinstance(cell, datetime) for cell in given):
        whole = all(cell.time() == datetime.min.time() for cell in given)
        array = pa.array(cells, pa.timestamp("us"))
        return array.cast(pa.date32()) if whole else array
    if all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in given):
        return pa.array(cells, pa.float64() if any(isinstance(cell, float) for cell in given) else pa.int64())
    if all(isinstance(cell, bool) for cell in given):
        return pa.array(cells, pa.bool_())
    return pa.array([None if cell is None else str(cell) for cell in cells], pa.string())
