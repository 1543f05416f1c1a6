"""A run as Parquet or CSV files for pandas, polars, DuckDB and R, and one JSON record of what it was; or as an Optuna study."""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from modelops_runtime.contracts.plain_json import plain
from modelops_runtime.contracts.trial import TrialStatus, phase_of
from modelops_runtime.evaluation.fit_table import fit_table
from modelops_runtime.inference.run_data import gather
from modelops_runtime.ledger.base import Ledger, Replicate, Run, RunState, Trial
from modelops_runtime.ledger.opening import run_in
from modelops_runtime.results.bands import bands_table
from modelops_runtime.results.columns import column, type_of
from modelops_runtime.results.version import modelops_version
from modelops_runtime.results.writing import together

FORMAT = 2
"""1: `simulated` was a probability where counts of n were observed.

Raised when a column changes its meaning or goes away; new columns do not count."""

Format = Literal["parquet", "csv", "optuna"]
FORMATS: tuple[Format, ...] = get_args(Format)

FILES = ("trials.parquet", "replicates.parquet", "fit.parquet", "bands.parquet", "run.json")
CSV_FILES = ("trials.csv", "replicates.csv", "fit.csv", "bands.csv", "run.json")
STUDY_FILES = ("study.db",)

BATCH = 2_000
"""Replicates held in memory at a time, about."""

BATCH_BYTES = 16_000_000
"""Aligned values and logs held in memory at a time, about."""

FIT_ROWS = 200_000

_REPLICATES = pa.schema(
    [
        ("trial", pa.int64()),
        ("replicate", pa.int64()),
        ("seed", pa.uint64()),
        ("phase", pa.string()),
        ("status", pa.string()),
        ("seconds", pa.float64()),
        ("attempt", pa.int64()),
        ("error", pa.string()),
    ]
)

_TIME = pa.timestamp("us", tz="UTC")


def export_run(ledger: Ledger, run_id: str, to: Path, *, format: Format = "parquet") -> list[Path]:
    """Write `FILES` into the folder `to`, all or none; returns their paths. A run in progress is exported as it stands.

    trials.parquet has a row for each search trial (`confirmed_loss` from its run on fresh seeds), replicates.parquet one
    for each simulation (`replicate` from 2**32 on: confirmation), fit.parquet one for each observation of each completed
    simulation, bands.parquet one for each observation of each finalist.
    `csv`: the same tables as CSV_FILES; `optuna`: STUDY_FILES, see `optuna_study`.
    Raises LedgerError when there is no such run.
    """
    run = run_in(ledger, run_id)
    trials = ledger.trials(run_id)
    if format == "optuna":
        return _export_study(run, trials, to)
    from modelops_runtime.inference.cautions import cautions_of  # which imports what writes JSON, here

    opened = _open_parquet if format == "parquet" else _open_csv
    files = FILES if format == "parquet" else CSV_FILES
    with together(to, files) as (trials_path, replicates_path, fit_path, bands_path, run_path):
        for path, table in ((trials_path, trials_table(trials)), (bands_path, bands_table(ledger, run, trials))):
            with opened(path, table.schema) as writer:
                writer.write_table(table)
        _write_replicates(ledger, run, trials, opened(replicates_path, _REPLICATES), opened(fit_path, _fit_schema(run)))
        run_path.write_text(run_json(run, trials, cautions_of(gather(ledger, run_id))), encoding="utf-8")
    return [to / name for name in files]


Writer = pq.ParquetWriter | csv.CSVWriter


def _open_parquet(path: Path, schema: pa.Schema) -> Writer:
    return pq.ParquetWriter(path, schema)


def _open_csv(path: Path, schema: pa.Schema) -> Writer:
    return csv.CSVWriter(path, schema)


def _export_study(run: Run, trials: Sequence[Trial], to: Path) -> list[Path]:
    from modelops_runtime.results.optuna_study import write_study

    with together(to, STUDY_FILES) as (path,):
        write_study(run, trials, path)
    return [to / name for name in STUDY_FILES]


def trials_table(trials: Sequence[Trial]) -> pa.Table:
    """One row for each search trial, in the order of their numbers."""
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
    }
    return pa.table(columns | _parameter_columns(search))


def _parameter_columns(search: Sequence[Trial]) -> dict[str, pa.Array]:
    names = sorted({name for trial in search for name in trial.params or {}})
    columns: dict[str, pa.Array] = {}
    for name in names:
        values = [(trial.params or {}).get(name) for trial in search]
        columns[f"param.{name}"] = column(values, type_of(values))
    return columns


def _batches(ledger: Ledger, run_id: str, trials: Sequence[Trial]) -> Iterator[list[Replicate]]:
    """All replicates by trial and index, a part at a time."""
    batch: list[Replicate] = []
    held = 0
    for number in sorted({trial.number for trial in trials}):
        found = ledger.replicates(run_id, number)
        batch.extend(found)
        held += sum(len(r.aligned) + len(r.log) for r in found)
        if len(batch) >= BATCH or held >= BATCH_BYTES:
            yield batch
            batch, held = [], 0
    yield batch


def _fit_schema(run: Run) -> pa.Schema:
    return fit_table(run.observations, [], run.spec.get("targets")).schema


def _write_replicates(ledger: Ledger, run: Run, trials: Sequence[Trial], rows: Writer, fits: Writer) -> None:
    with rows as writer, fits as fit_writer:
        for batch in _batches(ledger, run.run_id, trials):
            writer.write_table(replicates_table(batch))
            for table in _fit_tables(run, batch):
                fit_writer.write_table(table)


def _fit_tables(run: Run, replicates: Sequence[Replicate]) -> Iterator[pa.Table]:
    """The fit of the completed among `replicates`, in tables of about FIT_ROWS."""
    observations, targets = run.observations, run.spec.get("targets")
    width = sum(part["stop"] - part["start"] for part in observations.values())
    done = [r for r in replicates if r.status == "COMPLETED" and len(r.aligned) == 8 * width > 0]
    step = max(1, FIT_ROWS // max(width, 1))
    for start in range(0, len(done), step):
        yield fit_table(observations, [(r.number, r.index, r.aligned) for r in done[start : start + step]], targets)


def replicates_table(replicates: Sequence[Replicate]) -> pa.Table:
    """One row for each simulation."""
    rows = [
        {
            "trial": r.number,
            "replicate": r.index,
            "seed": r.seed,
            "phase": phase_of(r.index),
            "status": r.status,
            "seconds": r.seconds,
            "attempt": r.attempt,
            "error": r.error,
        }
        for r in replicates
    ]
    return pa.Table.from_pylist(rows, schema=_REPLICATES)


def run_json(run: Run, trials: Sequence[Trial], cautions: Sequence[str]) -> str:
    """What the run was: spec, identity, provenance, versions, times, state, answer, and what is to be said against it."""
    record = {
        "format": FORMAT,
        "run_id": run.run_id,
        "state": str(run.state),
        "reason": run.reason,
        "trials": run.trials,
        "replicates": run.replicates,
        "trials_by_status": dict(Counter(str(t.status) for t in trials if t.phase == "search")),
        "summary": run.summary,
        "cautions": list(cautions),
        "times": {"created": run.created_at, "finished": run.finished_at},
        "identity": run.identity,
        "identity_parts": run.identity_parts,
        "provenance": run.provenance,
        "versions": {
            "modelops": modelops_version(),
            "python": platform.python_version(),
            "pyarrow": pa.__version__,
        },
        "observations": run.observations,
        "space": run.space,
        "spec": run.spec,
    }
    return json.dumps(plain(record), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def run_of_json(text: str) -> Run:
    """The run that `run_json` wrote, without its times. Raises ValueError, KeyError for anything else."""
    record = json.loads(text)
    kept = ("run_id", "identity", "identity_parts", "spec", "provenance", "observations", "trials", "replicates")
    more = {name: record[name] for name in (*kept, "reason", "summary")}
    return Run(state=RunState(record["state"]), space=record.get("space") or {}, **more)


def cautions_of_json(text: str) -> tuple[str, ...]:
    """What is to be said against the answer, of what `run_json` wrote; nothing in what an older one wrote."""
    return tuple(json.loads(text).get("cautions", ()))
