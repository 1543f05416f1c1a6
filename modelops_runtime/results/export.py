"""Write a run as files: Parquet or CSV with one JSON record, or an Optuna study."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from modelops_runtime.evaluation.fit import is_whole
from modelops_runtime.evaluation.fit_table import Nuisance, fit_table
from modelops_runtime.inference.run_data import gather
from modelops_runtime.ledger.base import Ledger, Replicate, Run, Trial
from modelops_runtime.ledger.opening import run_in
from modelops_runtime.results.atomic_files import written_together
from modelops_runtime.results.run_record import run_json
from modelops_runtime.results.tables.bands import bands_table
from modelops_runtime.results.tables.replicates import REPLICATES, replicates_table
from modelops_runtime.results.tables.trials import trials_table

Format = Literal["parquet", "csv", "optuna"]
FORMATS: tuple[Format, ...] = get_args(Format)

FILES = ("trials.parquet", "replicates.parquet", "fit.parquet", "bands.parquet", "run.json")
CSV_FILES = ("trials.csv", "replicates.csv", "fit.csv", "bands.csv", "run.json")
STUDY_FILES = ("study.db",)

BATCH = 2_000
"""About how many replicates are held in memory at a time."""

BATCH_BYTES = 16_000_000
"""About how many bytes of aligned values and logs are held in memory at a time."""

FIT_ROWS = 200_000


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
    from modelops_runtime.inference.cautions import (  # imported here: Optuna studies do not need it
        cautions_of,
        findings_of,
    )

    opened = _open_parquet if format == "parquet" else _open_csv
    files = FILES if format == "parquet" else CSV_FILES
    with written_together(to, files) as (trials_path, replicates_path, fit_path, bands_path, run_path):
        for path, table in ((trials_path, trials_table(trials)), (bands_path, bands_table(ledger, run, trials))):
            with opened(path, table.schema) as writer:
                writer.write_table(table)
        _write_replicates(ledger, run, trials, opened(replicates_path, REPLICATES), opened(fit_path, _fit_schema(run)))
        run_data = gather(ledger, run_id)
        found = findings_of(run_data)
        run_path.write_text(run_json(run, trials, cautions_of(run_data, found), found), encoding="utf-8")
    return [to / name for name in files]


Writer = pq.ParquetWriter | csv.CSVWriter


def _open_parquet(path: Path, schema: pa.Schema) -> Writer:
    return pq.ParquetWriter(path, schema)


def _open_csv(path: Path, schema: pa.Schema) -> Writer:
    return csv.CSVWriter(path, schema)


def _export_study(run: Run, trials: Sequence[Trial], to: Path) -> list[Path]:
    from modelops_runtime.results.optuna_study import write_study

    with written_together(to, STUDY_FILES) as (path,):
        write_study(run, trials, path)
    return [to / name for name in STUDY_FILES]


def _batches(ledger: Ledger, run_id: str, trials: Sequence[Trial]) -> Iterator[list[Replicate]]:
    """All replicates in the order of trial and index, in batches."""
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
            for table in _fit_tables(run, batch, {(trial.number, trial.phase): trial.nuisance for trial in trials}):
                fit_writer.write_table(table)


def _fit_tables(run: Run, replicates: Sequence[Replicate], nuisance: Nuisance) -> Iterator[pa.Table]:
    """The fit of the completed `replicates`, in tables of about FIT_ROWS rows."""
    width, targets = len(run.observations), run.spec.get("targets")
    done = [r for r in replicates if r.status == "COMPLETED" and is_whole(r.aligned, width)]
    step = max(1, FIT_ROWS // max(width, 1))
    for start in range(0, len(done), step):
        rows = [(r.number, r.index, r.aligned) for r in done[start : start + step]]
        yield fit_table(run.observations, rows, targets, nuisance)
