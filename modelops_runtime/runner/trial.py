"""One trial under way: which replicates it still needs, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from modelops_runtime.contracts.failures import Failure, FailureKind
from modelops_runtime.contracts.parameters import UniqueParameterSet
from modelops_runtime.contracts.simulation import ReplicateOutcome
from modelops_runtime.contracts.trial import CONFIRM_FROM
from modelops_runtime.ledger.base import Lease, Replicate
from modelops_runtime.runner.loop_context import LoopContext
from modelops_runtime.runner.setup.settings import tolerated_of
from modelops_runtime.simulation.seeds import seeds_for

FREE_RETRIES = 3
"""How often a replicate that was LOST (the infrastructure's fault) is run again before its trial fails."""


@dataclass
class Progress:
    """A leased trial: replicates `first`, `first + 1`, ... up to each rung in turn. Its methods change its own fields only."""

    lease: Lease
    parameter_set: UniqueParameterSet
    rungs: tuple[int, ...]
    """Counts of replicates at which it is judged; the last is all of them."""
    first: int = 0
    """Index of the first replicate: 2**32 for a confirmation."""
    aligned: dict[int, bytes] = field(default_factory=dict)
    under_way: set[int] = field(default_factory=set)
    lost: dict[int, int] = field(default_factory=dict)
    unwritten: list[Replicate] = field(default_factory=list)
    seconds: float = 0.0
    failure: Failure | None = None
    tolerated: float = 0.0
    """The share of all its replicates that may fail without failing it."""
    failed: dict[int, Failure] = field(default_factory=dict)

    @property
    def indices(self) -> range:
        """The replicates wanted up to the current rung."""
        return range(self.first, self.first + self.rungs[0])

    @property
    def rung_done(self) -> bool:
        return all(index in self.aligned or index in self.failed for index in self.indices)

    @property
    def has_values(self) -> bool:
        """Whether a replicate of the current rung did not fail."""
        return any(index in self.aligned for index in self.indices)

    @property
    def is_last_rung(self) -> bool:
        return len(self.rungs) == 1

    def next_group(self, size: int) -> list[int]:
        """Up to `size` replicates of the current rung that are not running yet."""
        if self.failure is not None:
            return []
        waiting = [i for i in self.indices if not (i in self.aligned or i in self.failed or i in self.under_way)]
        return waiting[:size]

    def climb(self) -> None:
        """Go on to the next rung."""
        self.rungs = self.rungs[1:]

    def values(self) -> list[bytes | None]:
        """Aligned values of the current rung's replicates, in the order of their indices; None for one that failed."""
        return [self.aligned.get(index) for index in self.indices]

    def resume(self, replicates: Sequence[Replicate]) -> None:
        """Add what an earlier holder of the lease recorded."""
        wanted = range(self.first, self.first + self.rungs[-1])
        for replicate in replicates:
            if replicate.index not in wanted:
                continue
            self.seconds += replicate.seconds
            if replicate.status == "COMPLETED":
                self.aligned[replicate.index] = replicate.aligned
            else:
                known = replicate.failure in FailureKind.__members__
                kind = FailureKind(replicate.failure) if known else FailureKind.MODEL_ERROR
                self._fail(replicate.index, Failure(kind, replicate.error or ""))

    def take_in(self, outcomes: Sequence[ReplicateOutcome]) -> None:
        """Add a task's outcomes. LOST ones may be run again; any other failure is the trial's."""
        for outcome in outcomes:
            self.under_way.discard(outcome.index)
            if outcome.index in self.aligned:
                continue
            failure = outcome.failure
            if failure is not None and failure.kind is FailureKind.LOST:
                self.lost[outcome.index] = self.lost.get(outcome.index, 0) + 1
                if self.lost[outcome.index] <= FREE_RETRIES:
                    continue
            self.seconds += outcome.seconds
            self.unwritten.append(_row(self.lease.number, outcome))
            if failure is None:
                self.aligned[outcome.index] = outcome.aligned
            else:
                self._fail(outcome.index, failure)

    def _fail(self, index: int, failure: Failure) -> None:
        # The lowest failed index is reported, so that the report does not depend on the order of completion.
        self.failed[index] = failure
        lost = [at for at, each in self.failed.items() if each.kind is FailureKind.LOST]
        if len(self.failed) > tolerated_of(self.rungs[-1], self.tolerated):
            self.failure = self.failed[min(self.failed)]
        elif lost:  # the infrastructure's fault says nothing about the model
            self.failure = self.failed[min(lost)]


def _row(number: int, outcome: ReplicateOutcome) -> Replicate:
    failure = outcome.failure
    return Replicate(
        number=number,
        index=outcome.index,
        seed=outcome.seed,
        status="COMPLETED" if failure is None else "FAILED",
        seconds=outcome.seconds,
        aligned=outcome.aligned,
        digest=outcome.digest,
        failure=failure.kind if failure else None,
        error=failure.message if failure else None,
        log=outcome.log,
    )


def copied(number: int, replicates: Sequence[Replicate], indices: Mapping[int, int] | range) -> list[Replicate]:
    """Replicates of an equal set that ran whole, tolerated failures too, as rows of trial `number` that took no time."""
    return [
        Replicate(
            number=number,
            index=r.index,
            seed=r.seed,
            status=r.status,
            seconds=0.0,
            aligned=r.aligned,
            digest=r.digest,
            failure=r.failure,
            error=r.error,
            log=r.log,
        )
        for r in replicates
        if r.index in indices
    ]


def progress_of(context: LoopContext, lease: Lease) -> Progress:
    """The progress of a leased trial, with the replicates that are recorded for it or for an equal set."""
    assert lease.params is not None
    settings = context.settings
    parameter_set, tolerated = UniqueParameterSet.of(lease.params), settings.tolerated_failures
    if lease.phase == "confirm":
        rungs = (settings.confirm_replicates,)
        progress = Progress(lease, parameter_set, rungs, first=CONFIRM_FROM, tolerated=tolerated)
    else:
        rungs = settings.rungs(raced=lease.incumbent is not None, wanted=lease.wanted)
        progress = Progress(lease, parameter_set, rungs, tolerated=tolerated)
        _copy_equal(context, progress)
    if lease.lease_no > 1:
        progress.resume(context.ledger.replicates(context.run_id, lease.number))
    return progress


def _copy_equal(context: LoopContext, progress: Progress) -> None:
    """If an equal set was simulated before, take over its values: the trial then needs no simulation."""
    lease = progress.lease
    twin = context.search.first_with.get(progress.parameter_set.param_id)
    if twin is None or twin == lease.number:
        return
    wanted = range(progress.first, progress.first + progress.rungs[-1])
    rows = copied(lease.number, context.ledger.replicates(context.run_id, twin), wanted)
    progress.unwritten.extend(rows)
    progress.resume(rows)


def seeds_of(context: LoopContext, progress: Progress, indices: Sequence[int]) -> dict[int, int]:
    """Replicate -> its seed."""
    common = context.settings.common_random_numbers
    return seeds_for(progress.parameter_set, indices, common=common, run_seed=context.settings.seed)
