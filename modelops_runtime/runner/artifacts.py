"""Output tables that the spec asks to keep, as Parquet: `trial-000012/replicate-000003/epidemic.parquet`."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from modelops_runtime.bundles.ignoring import list_results
from modelops_runtime.contracts.simulation import ReplicateOutcome, Tables
from modelops_runtime.contracts.trial import CONFIRM_FROM


def keep_tables(folder: Path, number: int, outcomes: Sequence[ReplicateOutcome]) -> None:
    """Write the tables that came with the outcomes; those of a confirmation are `confirm-000003`."""
    list_results(folder.parent, [folder.name])
    for outcome in outcomes:
        if outcome.tables is not None:
            of_search = outcome.index < CONFIRM_FROM
            name = f"replicate-{outcome.index:06d}" if of_search else f"confirm-{outcome.index - CONFIRM_FROM:06d}"
            _write(folder / f"trial-{number:06d}" / name, outcome.tables)


def _write(folder: Path, tables: Tables) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    for name, data in tables.items():
        path = folder / f"{re.sub(r'[^A-Za-z0-9._-]', '_', name)}.parquet"
        whole = path.with_suffix(".part")
        pq.write_table(pa.ipc.open_stream(data).read_all(), whole)
        os.replace(whole, path)
