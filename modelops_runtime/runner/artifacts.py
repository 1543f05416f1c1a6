"""Files that a run writes beside its ledger: logs of simulations (`trial-000012.log`), and the output tables that the spec
asks to keep, as Parquet (`trial-000012/replicate-000003/epidemic.parquet`)."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modelops_runtime.bundles.ignoring import list_results
from modelops_runtime.contracts.private_files import appended
from modelops_runtime.contracts.simulation import ReplicateOutcome, Tables
from modelops_runtime.contracts.trial import CONFIRM_FROM
from modelops_runtime.ledger.base import Lease


@dataclass(frozen=True, slots=True)
class Artifacts:
    """Writes the logs of simulations, and their tables if these are kept."""

    logs: Path | None
    outputs: Path | None

    def keep(self, lease: Lease, outcomes: Sequence[ReplicateOutcome]) -> None:
        keep_logs(self.logs, lease, outcomes)
        if self.outputs is not None:
            keep_tables(self.outputs, lease.number, outcomes)


def keep_logs(folder: Path | None, lease: Lease, outcomes: Sequence[ReplicateOutcome]) -> None:
    """Append the replicates' output to `trial-000012.log` in `folder` (created if needed); nothing without output.

    The text is unchanged and readable by its owner only (mode 0600).
    """
    printed = [outcome for outcome in outcomes if outcome.log or outcome.failure]
    if folder is None or not printed:
        return
    list_results(folder.parent, [folder.name])
    folder.mkdir(exist_ok=True)
    with appended(folder / f"trial-{lease.number:06d}.log") as file:
        for outcome in printed:
            ended = f"{outcome.failure.kind}: {outcome.failure.message}" if outcome.failure else "COMPLETED"
            file.write(f"--- {lease.phase} replicate {outcome.index}, seed {outcome.seed}: {ended}\n{outcome.log}")
            file.write("" if outcome.log.endswith("\n") or not outcome.log else "\n")


def keep_tables(folder: Path, number: int, outcomes: Sequence[ReplicateOutcome]) -> None:
    """Write the tables in the outcomes; those of a confirmation are `confirm-000003`."""
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
