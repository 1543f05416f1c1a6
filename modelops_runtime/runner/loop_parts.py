"""What a run loop works with, how it ended, and where it stands."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.contracts.parameters import Scalar, UniqueParameterSet
from modelops_runtime.contracts.simulation import ReplicateOutcome, SimulationService
from modelops_runtime.contracts.trial import CONFIRM_FROM
from modelops_runtime.evaluation.fit import stack
from modelops_runtime.evaluation.score import Scorer
from modelops_runtime.ledger.base import Lease, Ledger, Trial, completed
from modelops_runtime.runner.events import Counts, OnEvent
from modelops_runtime.runner.search import Search
from modelops_runtime.runner.setup.settings import SearchSettings
from modelops_runtime.runner.signals import StopRequest
from modelops_runtime.runner.trial import Progress, copied
from modelops_runtime.runner.trial_outcome import Judgement, Values
from modelops_runtime.simulation.seeds import seeds_for

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


def proposal_of(parts: LoopParts, lease: Lease, searched: Mapping[str, Scalar]) -> Lease:
    """A reserved trial with the set that was asked for it, and what was known then."""
    best = parts.search.status.best
    return replace(
        lease,
        params={**parts.settings.fixed, **searched},
        known=parts.search.seq,
        incumbent=best.number if best else None,
        algorithm_state=parts.search.state_of(lease.number),
    )


def propose(ledger: Ledger, lease: Lease) -> Trial:
    """Write down the proposal that `lease` holds. Raises LeaseLost."""
    assert lease.params is not None
    return ledger.propose(
        lease,
        lease.params,
        origin="guess" if lease.draw is None else "ask",
        known=lease.known,
        incumbent=lease.incumbent,
        algorithm_state=lease.algorithm_state,
    )


def seeds_of(parts: LoopParts, progress: Progress, indices: Sequence[int]) -> dict[int, int]:
    """Replicate -> its seed."""
    common = parts.settings.common_random_numbers
    return seeds_for(progress.parameter_set, indices, common=common, run_seed=parts.settings.seed)


def judgement_of(parts: LoopParts) -> Judgement:
    """How trials are judged; the values of the last few incumbents are kept."""
    return Judgement(
        scorer=parts.scorer,
        replicates=parts.settings.replicates,
        paired=parts.settings.common_random_numbers,
        incumbent_values=lru_cache(maxsize=16)(partial(values_of_trial, parts)),
    )


def progress_of(parts: LoopParts, lease: Lease) -> Progress:
    """A leased trial with what was already recorded for it, or for an equal set."""
    assert lease.params is not None
    settings = parts.settings
    parameter_set = UniqueParameterSet.of(lease.params)
    if lease.phase == "confirm":
        progress = Progress(lease, parameter_set, (settings.confirm_replicates,), first=CONFIRM_FROM)
    else:
        progress = Progress(lease, parameter_set, settings.rungs(raced=lease.incumbent is not None))
        _copy_equal(parts, progress)
    if lease.lease_no > 1:
        progress.resume(parts.ledger.replicates(parts.run_id, lease.number))
    return progress


def _copy_equal(parts: LoopParts, progress: Progress) -> None:
    """A set asked twice is its own trial with the values of the first: it needs no simulation."""
    lease = progress.lease
    twin = parts.search.first_with.get(progress.parameter_set.param_id)
    if twin is None or twin == lease.number:
        return
    wanted = range(progress.first, progress.first + progress.rungs[-1])
    rows = copied(lease.number, parts.ledger.replicates(parts.run_id, twin), wanted)
    progress.unwritten.extend(rows)
    progress.resume(rows)


def values_of_trial(parts: LoopParts, number: int) -> Values:
    """The aligned values of a trial's completed replicates of the search."""
    replicates = parts.ledger.replicates(parts.run_id, number)
    return stack([each.aligned for each in completed(replicates, "search")])
