"""Replicates run again with their seeds: is the output the same?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from modelops_runtime.api.opening import Ready
from modelops_runtime.contracts.errors import UserError
from modelops_runtime.contracts.simulation import ReplicateOutcome
from modelops_runtime.contracts.trial import phase_of
from modelops_runtime.ledger.base import Ledger, Replicate, Run

AT_A_TIME = 64
"""Replicates under way at once, at the most: one a task, so that none waits for another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One replicate, then and now."""

    trial: int
    replicate: int
    seed: int
    identical: bool
    """The same output, by the digest of its tables; of a failure, the same kind of failure."""
    before: str
    """Digest of the output tables, or the kind of failure."""
    now: str
    seconds: float


def changed_since(run: Run, ready: Ready) -> list[str]:
    """What of the spec, the model's files or the data is not as it was when the run began."""
    return ready.prepared.differences_from(run)


def replay(ready: Ready, ledger: Ledger, run_id: str, trial: int, replicate: int | None = None) -> Iterator[Replayed]:
    """Run recorded replicates of a trial again: one, or all (those of its confirmation too), each as it is done.

    Raises UserError when there is no such trial or replicate, ModelChanged for a file that was changed meanwhile.
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
            ready.code.look(now=True)
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
