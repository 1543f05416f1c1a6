"""Run replicates again with their seeds, and compare their outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from modelops_runtime.api.opening import Ready
from modelops_runtime.contracts.errors import RunDifference, UserError
from modelops_runtime.contracts.simulation import ReplicateOutcome
from modelops_runtime.contracts.trial import phase_of
from modelops_runtime.ledger.base import Ledger, Replicate, Run

AT_A_TIME = 64
"""The largest number of replicates that run at once, one in each task, so that none waits for another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One replicate, when it was recorded and now."""

    trial: int
    replicate: int
    seed: int
    identical: bool
    """Whether the digest of its output tables is the same, or the kind of its failure."""
    before: str
    """Digest of the output tables, or the kind of failure."""
    now: str
    seconds: float


def changed_since(run: Run, ready: Ready) -> list[RunDifference]:
    """What has changed in the spec, the files of the model or the data since the run began."""
    return ready.prepared.differences_from(run)


def replay(ready: Ready, ledger: Ledger, run_id: str, trial: int, replicate: int | None = None) -> Iterator[Replayed]:
    """Run one recorded replicate of a trial again, or all of them with those of its confirmation; yields each when it is done.

    Raises UserError when there is no such trial or replicate, ModelChanged for a file that has changed.
    """
    recorded = [r for r in ledger.replicates(run_id, trial) if replicate is None or r.index == replicate]
    if not recorded:
        raise UserError(_nothing_there(ledger, run_id, trial, replicate))
    row = next(t for t in ledger.trials(run_id, phase="search") if t.number == trial)
    for start in range(0, len(recorded), AT_A_TIME):
        batch = recorded[start : start + AT_A_TIME]
        futures = [ready.service.submit_replicates(row.parameter_set(), {r.index: r.seed}) for r in batch]
        for before, future in zip(batch, futures, strict=True):
            outcomes = future.result()
            ready.code.check()
            yield _compared(trial, before, outcomes)


def _compared(trial: int, before: Replicate, outcomes: Sequence[ReplicateOutcome]) -> Replayed:
    (outcome,) = outcomes
    then = before.digest if before.status == "COMPLETED" else str(before.failure)
    now = outcome.digest if outcome.failure is None else str(outcome.failure.kind)
    return Replayed(
        trial=trial,
        replicate=before.index,
        seed=before.seed,
        identical=then == now,
        before=then,
        now=now,
        seconds=outcome.seconds,
    )


def _nothing_there(ledger: Ledger, run_id: str, trial: int, replicate: int | None) -> str:
    indices = [r.index for r in ledger.replicates(run_id, trial)]
    if not indices:
        numbers = [t.number for t in ledger.trials(run_id, phase="search") if t.replicates]
        there = f"there are {min(numbers)} to {max(numbers)}" if numbers else "there is none"
        return f"run {run_id!r} has no recorded replicate of trial {trial}; {there}"
    searched = [index for index in indices if phase_of(index) == "search"]
    more = (
        "" if len(searched) == len(indices) else f", and {indices[len(searched)]} to {indices[-1]} of its confirmation"
    )
    return f"trial {trial} has no replicate {replicate}; there are {searched[0]} to {searched[-1]}{more}"
