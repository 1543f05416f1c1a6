"""What a run loop works with, how it ended, and where it stands."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.simulation import ReplicateOutcome, SimulationService
from modelops_runtime.evaluation.fit import stack
from modelops_runtime.evaluation.score import Scorer
from modelops_runtime.ledger.base import Lease, Ledger, completed
from modelops_runtime.runner.events import Counts, OnEvent
from modelops_runtime.runner.search import Search
from modelops_runtime.runner.setup.settings import SearchSettings
from modelops_runtime.runner.signals import StopRequest
from modelops_runtime.runner.trial_outcome import Values

LogSink = Callable[[Lease, Sequence[ReplicateOutcome]], None]


def _nothing() -> None:
    """Nothing is to be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopParts:
    """All that a loop works with; clocks and I/O come from outside."""

    run_id: str
    trials: int
    settings: SearchSettings
    ledger: Ledger
    service: SimulationService
    search: Search
    scorer: Scorer
    worker: str
    timeout_s: float
    """Of one simulation: groups stay below it."""
    on_event: OnEvent
    stop: StopRequest
    keep_log: LogSink
    look: Callable[[], None] = _nothing
    """Is called before a result counts. Raises what ends the run, such as ModelChanged."""
    before_s: float = 0.0
    """Seconds from the start of the run to this worker's: its time limit counts from there."""
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class LoopEnd:
    """How a loop ended: the run is over (for everybody), or this worker was asked to stop."""

    interrupted: bool
    simulations: int
    elapsed_s: float


def counts_of(
    parts: LoopParts,
    *,
    found: int,
    simulations: int,
    elapsed_s: float,
    under_way: int,
    paused: bool,
    finalists: Sequence[int] | None,
    confirmed: int,
) -> Counts:
    """What a tick says of a search: `found` trials were finished before, `under_way` tasks run now."""
    status, fixed = parts.search.status, parts.settings.fixed
    best = status.best.params or {} if status.best else None
    return Counts(
        finished=status.finished,
        found=found,
        trials=parts.trials,
        failed=status.failed,
        stopped_early=status.stopped_early,
        best_loss=status.best.loss if status.best else None,
        best_trial=status.best.number if status.best else None,
        best_params=None if best is None else {n: v for n, v in best.items() if n not in fixed} | dict(fixed),
        simulations=simulations,
        elapsed_s=elapsed_s,
        slots=parts.service.slots,
        busy=min(under_way, parts.service.slots),
        paused=paused,
        confirming=finalists is not None,
        confirmed=confirmed,
        finalists=len(finalists or ()),
    )


def given_set(parts: LoopParts, lease: Lease) -> Mapping[str, Scalar]:
    """The set of a trial for which the algorithm is not asked: a guess of the spec's, or one from the queue."""
    if lease.number < len(parts.settings.guesses):
        return parts.settings.guesses[lease.number]
    searched = parts.ledger.queued_set(lease)
    if searched is None:
        raise LedgerError(f"trial {lease.number} of run {parts.run_id!r} takes a queued set, and there is none")
    return searched


def values_of_trial(parts: LoopParts, number: int) -> Values:
    """The aligned values of a trial's completed replicates of the search."""
    replicates = parts.ledger.replicates(parts.run_id, number)
    return stack([each.aligned for each in completed(replicates, "search")])
