"""The simulations of a run as a table."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from modelops_runtime.contracts.trial import phase_of
from modelops_runtime.ledger.base import Replicate

REPLICATES = pa.schema(
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
"""The columns of `replicates_table`."""


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
    return pa.Table.from_pylist(rows, schema=REPLICATES)
