"""The trials of a search as a table."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.ledger.base import Trial
from modelops_runtime.results.tables.columns import column, type_of

_TIME = pa.timestamp("us", tz="UTC")


def trials_table(trials: Sequence[Trial]) -> pa.Table:
    """One row for each search trial, in the order of their numbers, with a column for each (nuisance) parameter."""
    search = [trial for trial in trials if trial.phase == "search"]
    confirmed = {t.number: t for t in trials if t.phase == "confirm" and t.status is TrialStatus.COMPLETED}
    after = [confirmed.get(trial.number) for trial in search]
    columns: dict[str, pa.Array] = {
        "trial": pa.array([t.number for t in search], pa.int64()),
        "param_id": pa.array([t.param_id for t in search], pa.string()),
        "status": pa.array([str(t.status) for t in search], pa.string()),
        "loss": pa.array([t.loss for t in search], pa.float64()),
        "loss_se": pa.array([t.loss_se for t in search], pa.float64()),
        "confirmed_loss": pa.array([t.loss if t else None for t in after], pa.float64()),
        "replicates": pa.array([t.replicates for t in search], pa.int64()),
        "worker": pa.array([t.worker for t in search], pa.string()),
        "started": pa.array([t.proposed_at for t in search], _TIME),
        "seconds": pa.array([t.seconds for t in search], pa.float64()),
        "error": pa.array([t.error for t in search], pa.string()),
        "stopped_early": pa.array([t.stopped_early for t in search], pa.bool_()),
        "failure": pa.array([t.failure for t in search], pa.string()),
        "confirmed_loss_se": pa.array([t.loss_se if t else None for t in after], pa.float64()),
        "effective_sample_size": pa.array([t.effective_sample_size for t in search], pa.float64()),
        "confirmed_effective_sample_size": pa.array(
            [t.effective_sample_size if t else None for t in after], pa.float64()
        ),
        "loss_bias": pa.array([t.loss_bias for t in search], pa.float64()),
        "confirmed_loss_bias": pa.array([t.loss_bias if t else None for t in after], pa.float64()),
    }
    return pa.table(columns | _parameter_columns(search) | _nuisance_columns(search))


def _nuisance_columns(search: Sequence[Trial]) -> dict[str, pa.Array]:
    """The nuisance parameters as each trial's loss in the search has found them."""
    names = sorted({name for trial in search for name in trial.nuisance})
    return {
        f"nuisance.{name}": pa.array([trial.nuisance.get(name) for trial in search], pa.float64()) for name in names
    }


def _parameter_columns(search: Sequence[Trial]) -> dict[str, pa.Array]:
    names = sorted({name for trial in search for name in trial.params or {}})
    columns: dict[str, pa.Array] = {}
    for name in names:
        values = [(trial.params or {}).get(name) for trial in search]
        columns[f"param.{name}"] = column(values, type_of(values))
    return columns
