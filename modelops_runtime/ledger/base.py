"""What a ledger is: the only truth about a run's trials, shared by every worker of the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Protocol

from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.contracts.parameters import Scalar, UniqueParameterSet
from modelops_runtime.contracts.trial import TrialStatus, phase_of

Phase = Literal["search", "confirm"]


class RunState(StrEnum):
    """A run is OPEN until it is COMPLETED (an answer was reported) or FAILED (it ended without one)."""

    OPEN = "OPEN"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run, as it is kept."""

    run_id: str
    identity: str
    """Digest of what may not change under one name."""
    identity_parts: Mapping[str, str]
    """The same, part by part (`parameters`, `targets.in_bed`, ...): a digest or a short text each, to show a difference."""
    spec: Mapping[str, Any]
    """The spec as JSON, with every default written out."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    space: Mapping[str, Any] = field(default_factory=dict)
    """What is searched (`contracts.space.space_json`); empty in runs that an older ModelOps made."""
    observations: Mapping[str, Any] = field(default_factory=dict)
    """What the aligned values are matched with (`EvaluationPlan.observations()`), so that results need no other file."""
    trials: int
    """The budget: the number of search trials, in all."""
    replicates: int
    """Replicates of a search trial."""
    state: RunState = RunState.OPEN
    reason: str = ""
    """Why asking ended before the budget, or why the run failed."""
    asking_ended: bool = False
    """No further trial is reserved (a stop rule, an exhausted design, a failed run)."""
    paused: bool = False
    """Its workers take on no further trial until it is resumed."""
    queued: int = 0
    """Sets that wait for a trial to take them."""
    summary: Mapping[str, Any] = field(default_factory=dict)
    """What was reported at the end."""
    created_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What its user should know of the model (`Ledger.warn`)."""
        return tuple(self.provenance.get("warnings", ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One worker's hold on one trial."""

    run_id: str
    phase: Phase
    number: int
    lease_no: int
    """Rises by one at every hand-over: the fence of every write."""
    draw: int | None
    """Which ask of the algorithm this is (from 0), or None for a set that was given (a guess, or one from the queue)."""
    params: Mapping[str, Scalar] | None
    """None: reserved, and nothing proposed for it yet."""
    known: int
    """The `seq` up to which finished trials were known when it was proposed."""
    incumbent: int | None
    """The trial that racing compares it with, fixed when it was proposed."""
    algorithm_state: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One trial, as it is kept. A confirm row re-runs the search trial of the same number on fresh seeds."""

    run_id: str
    phase: Phase
    number: int
    draw: int | None
    origin: Literal["ask", "guess", "confirm"]
    param_id: str | None
    params: Mapping[str, Scalar] | None
    """All parameters of the model, the fixed ones included."""
    status: TrialStatus
    known: int
    incumbent: int | None
    algorithm_state: Mapping[str, Any] | None
    loss: float | None
    """What the algorithm was told: for a set that was stopped early, its corrected estimate."""
    loss_se: float | None
    """None where there is too little for one: a single replicate, an `effective_sample_size` below 5."""
    stopped_early: bool
    replicates: int
    """Replicates that its loss rests on."""
    failure: str | None
    """A FailureKind."""
    error: str | None
    diagnostics: Mapping[str, Any]
    worker: str | None
    """Who finished it, or holds its lease."""
    lease_no: int
    lease_until: datetime | None
    proposed_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    """Seconds of simulation, summed over its replicates."""
    proposed_seq: int | None
    finished_seq: int | None
    effective_sample_size: float | None = None
    """On how many of its replicates a likelihood rests (`score.effective_sample_size`); None for other losses and older runs."""

    @property
    def lease(self) -> Lease:
        """The hold on it that its row tells of."""
        return Lease(
            run_id=self.run_id,
            phase=self.phase,
            number=self.number,
            lease_no=self.lease_no,
            draw=self.draw,
            params=self.params,
            known=self.known,
            incumbent=self.incumbent,
            algorithm_state=self.algorithm_state,
        )

    @property
    def seq(self) -> int:
        """The run's counter when it last changed; 0 while nothing was proposed for it."""
        return self.finished_seq or self.proposed_seq or 0

    def parameter_set(self) -> UniqueParameterSet:
        """Its parameters with their id. Raises ValueError while nothing was proposed for it."""
        if self.params is None:
            raise ValueError(f"trial {self.number} has no parameters yet")
        return UniqueParameterSet.of(self.params)

    def values_of(self, names: Iterable[str]) -> dict[str, Scalar]:
        """Its values of these parameters. Raises LedgerError where it lacks one."""
        params = self.params or {}
        try:
            return {name: params[name] for name in names}
        except KeyError as error:
            raise damaged(self, f"column params lacks {error}") from error


TO_DO_WHEN_DAMAGED = "take the ledger from a backup, or start a new one"


def damaged(trial: Trial, what: str) -> LedgerError:
    """The error of a row that does not say what it must, for whoever finds out."""
    return LedgerError(f"run {trial.run_id!r}, trial {trial.number}: {what}; {TO_DO_WHEN_DAMAGED}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEnd:
    """What `finish` writes."""

    status: TrialStatus
    loss: float | None = None
    loss_se: float | None = None
    effective_sample_size: float | None = None
    stopped_early: bool = False
    replicates: int = 0
    failure: str | None = None
    error: str | None = None
    seconds: float = 0.0
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    algorithm_state: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicate:
    """One simulation, as it is kept. `index` is 2**32 and up for a confirmation."""

    number: int
    index: int
    seed: int
    """An unsigned 64-bit integer: kept as text."""
    status: Literal["COMPLETED", "FAILED"]
    seconds: float
    attempt: int = 1
    """How often it was recorded: raised by the ledger at every upsert."""
    aligned: bytes = b""
    """Raw float64 (the ledger compresses it)."""
    digest: str = ""
    failure: str | None = None
    error: str | None = None
    log: str = ""


def completed(replicates: Iterable[Replicate], phase: Phase) -> list[Replicate]:
    """Those of a search, or of a confirmation, that completed, in their order."""
    return [each for each in replicates if each.status == "COMPLETED" and phase_of(each.index) == phase]


class Ledger(Protocol):
    """Safe from any process; one object is used from one thread, but for `renew`, which may come from a thread of its own.

    Times are the database's. What a method wrote is durable when it returns. `seq` is a run's own counter: a trial gets
    the next value when it is proposed and again when it finishes, in the order of the commits, with no gap visible:
    whoever has read up to `seq` misses nothing by reading what is above it.
    """

    def close(self) -> None: ...

    # runs
    def create_run(self, run: Run) -> Run:
        """Create it, or return the one of that name as it is (the caller compares identities)."""
        ...

    def get_run(self, run_id: str) -> Run | None: ...

    def list_runs(self) -> list[Run]:
        """All runs, newest first."""
        ...

    def rename_run(self, run_id: str, new_id: str) -> None:
        """Keep a run under another name, with all its rows. Raises LedgerError when the name is taken, or a lease is live."""
        ...

    def extend(self, run_id: str, trials: int) -> Run:
        """Raise the budget to `trials` in all, and open the run again. Raises UserError when that is not more."""
        ...

    def end_asking(self, run_id: str, reason: str) -> None:
        """No trial is reserved from now on. The first reason stays."""
        ...

    def reopen(self, run_id: str) -> None:
        """Let trials be reserved again, up to the budget: state OPEN, no reason."""
        ...

    def end_run(self, run_id: str, state: RunState, reason: str, summary: Mapping[str, Any]) -> None: ...

    def warn(self, run_id: str, warning: str) -> None:
        """Keep a line that its user should read, in the run's provenance; the same line once."""
        ...

    def set_paused(self, run_id: str, paused: bool) -> None:
        """Note that the run's workers are to take on no further trial, or that they may again."""
        ...

    def is_paused(self, run_id: str) -> bool: ...

    def enqueue(self, run_id: str, sets: Sequence[Mapping[str, Scalar]]) -> None:
        """Queue sets of searched parameters, all or none, for the next numbers that are reserved."""
        ...

    # the life of a trial
    def reserve(self, run_id: str, worker: str, *, guesses: int, lease_s: float) -> Lease | None:
        """The next number of the budget, LEASED, without parameters; None when the budget is used or asking has ended.

        The first `guesses` numbers have no draw; then a queued set goes before a draw, the oldest first, and only
        numbers that get none count the draws 0, 1, ... A number and its set stay together whoever holds the lease.
        """
        ...

    def reserve_asked(self, run_id: str, worker: str, asked: Lease, *, guesses: int, lease_s: float) -> Trial | None:
        """`reserve`, and `propose` what `asked` holds in the same transaction where that is the trial that was reserved.

        It is when its number and draw are those of `asked`, and its lease the first. Otherwise the trial is reserved
        without parameters.
        """
        ...

    def queued_set(self, lease: Lease) -> Mapping[str, Scalar] | None:
        """The queued set that this trial takes, or None."""
        ...

    def take_over(self, run_id: str, worker: str, *, lease_s: float) -> Lease | None:
        """The oldest trial (search before confirm) that is PENDING, or whose lease has run out or whose holder is dead."""
        ...

    def propose(
        self,
        lease: Lease,
        params: Mapping[str, Scalar],
        *,
        origin: Literal["ask", "guess"],
        known: int,
        incumbent: int | None,
        algorithm_state: Mapping[str, Any] | None,
    ) -> Trial:
        """Write what was asked. Raises LeaseLost."""
        ...

    def withdraw(self, lease: Lease) -> None:
        """Give back a reservation for which there is nothing to propose. Raises LeaseLost."""
        ...

    def confirm(self, run_id: str, numbers: Sequence[int]) -> None:
        """Add a PENDING confirm row for each search trial that has none yet (its parameters are copied)."""
        ...

    def renew(self, run_id: str, worker: str, *, lease_s: float) -> frozenset[tuple[Phase, int, int]]:
        """Renew all leases of `worker`; returns (phase, number, lease_no) of those it still holds."""
        ...

    def release(self, run_id: str, worker: str) -> None:
        """LEASED -> PENDING for all of `worker`'s leases (a stop in good order); reservations without parameters too."""
        ...

    def record(self, lease: Lease, replicates: Sequence[Replicate]) -> None:
        """Upsert replicates by (trial, index), in one transaction. Raises LeaseLost.

        A COMPLETED row is never replaced by a FAILED one; another digest for a COMPLETED row raises ConflictingResult.
        """
        ...

    def finish(self, lease: Lease, end: TrialEnd, replicates: Sequence[Replicate] = ()) -> Trial:
        """The final write, with the replicates not recorded yet, in one transaction.

        The same again is accepted, a different one raises ConflictingResult; late: LeaseLost.
        """
        ...

    # reading
    def changes(self, run_id: str, after: int) -> list[Trial]:
        """Trials of both phases with proposed_seq or finished_seq above `after`."""
        ...

    def wait(self, run_id: str, after: int, timeout_s: float) -> bool:
        """Wait for a change above `after` (Postgres: LISTEN/NOTIFY; SQLite: a short poll). True when there is one."""
        ...

    def trials(self, run_id: str, *, phase: Phase | None = None) -> list[Trial]:
        """All trials, by phase (search first) and number."""
        ...

    def replicates(self, run_id: str, number: int | None = None) -> list[Replicate]:
        """Replicates by trial and index: of one trial (its search and confirm rows), or of all."""
        ...

    def now(self) -> datetime:
        """The database's clock, UTC."""
        ...
