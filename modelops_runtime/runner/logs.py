"""What simulations print, as one file a trial."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modelops_runtime.bundles.ignoring import list_results
from modelops_runtime.contracts.private_files import appended
from modelops_runtime.contracts.simulation import ReplicateOutcome
from modelops_runtime.ledger.base import Lease


def keep_logs(folder: Path | None, lease: Lease, outcomes: Sequence[ReplicateOutcome]) -> None:
    """Append what the replicates printed to `trial-000012.log` in `folder` (made at need); silent ones leave nothing.

    As it was printed, for its owner alone (mode 0600).
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
