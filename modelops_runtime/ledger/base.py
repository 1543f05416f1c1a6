"""What a ledger is: the only record of a run's trials, shared by all workers of the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Protocol

from modelops_runtime.contracts.answer import Answer
from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.contracts.observations import Observations
from modelops_runtime.contracts.parameters import Scalar, UniqueParameterSet
from modelops_runtime.contracts.trial import TrialStatus, phase_of

Phase = Literal["search", "confirm"]


LOSS_BIAS = "loss_bias"
"""The key of a trial's diagnostics under which the bias of its loss is kept."""


class RunState(StrEnum):
    """A run is OPEN until it is COMPLETED (an answer was reported) or FAILED (it ended without one)."""

    OPEN = "OPEN"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run, as the ledger stores it."""

    run_id: str
    identity: str
    """Digest of what must not change as long as the run keeps its name."""
    identity_parts: Mapping[str, str]
    """Part (`parameters`, `targets.in_bed`, ...) -> its digest or a short text, to show in what two specs differ."""
    spec: Mapping[str, Any]
    """The spec as JSON, with every default written out."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    space: Mapping[str, Any] = field(default_factory=dict)
    """The searched parameters (`contracts.space.space_json`); empty for a run of an older ModelOps."""
    observations: Observations = field(default_factory=Observations)
    """What the aligned values are compared with (`EvaluationPlan.observations()`): results need no other file."""
    trials: int
    """The budget: the total number of search trials."""
    replicates: int
    """Replicates of a search trial."""
    state: RunState = RunState.OPEN
    reason: str = ""
    """Why the search ended before its budget was used, or why the run failed."""
    asking_ended: bool = False
    """True if no further trial is reserved: after a stop rule, at the end of a design, or for a failed run."""
    paused: bool = False
    """True if workers start no further trial until the run is resumed."""
    queued: int = 0
    """Number of parameter sets in the queue that no trial has taken yet."""
    summary: Mapping[str, Any] = field(default_factory=dict)
    """The answer that was reported at the end, as JSON values and as its version wrote it: for output. Empty before."""
    created_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def answer(self) -> Answer | None:
        """The answer that was reported at the end; None before."""
        return Answer.from_json(self.summary) if self.summary else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Lines about the model that the user should read (`Ledger.warn`)."""
        return tuple(self.provenance.get("warnings", ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One worker's hold on one trial."""

    run_id: str
    phase: Phase
    number: int
    lease_no: int
    """Rises by one whenever the trial gets another holder. Every write checks it, so a former holder cannot write."""
    draw: int | None
    """Number of this proposal of the algorithm, from 0; None for a set that the user gave (a guess, or from the queue)."""
    params: Mapping[str, Scalar] | None
    """None while the trial is reserved and has no parameters yet."""
    known: int
    """The algorithm knew the trials finished up to this `seq` when it proposed the parameters."""
    incumbent: int | None
    """Number of the trial that racing compares it with; fixed when the parameters are proposed."""
    algorithm_state: Mapping[str, Any] | None
    wanted: int | None = None
    """How many replicates it is to have, decided when it was proposed; None: as many as the run's trials have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A trial, as the ledger stores it. One of phase `confirm` repeats the search trial of the same number with new seeds."""

    run_id: str
    phase: Phase
    number: int
    draw: int | None
    origin: Literal["ask", "guess", "confirm"]
    param_id: str | None
    params: Mapping[str, Scalar] | None
    """All parameters of the model, including the fixed ones."""
    status: TrialStatus
    known: int
    incumbent: int | None
    algorithm_state: Mapping[str, Any] | None
    loss: float | None
    """The loss that the algorithm was told: a corrected estimate if the trial was stopped early."""
    loss_se: float | None
    """None if it cannot be estimated: from one replicate, or an `effective_sample_size` below 5."""
    stopped_early: bool
    replicates: int
    """Number of replicates that the loss was computed from."""
    failure: str | None
    """A FailureKind."""
    error: str | None
    diagnostics: Mapping[str, Any]
    worker: str | None
    """The worker that holds its lease, or that finished it."""
    lease_no: int
    lease_until: datetime | None
    proposed_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    """Seconds of simulation, summed over the replicates."""
    proposed_seq: int | None
    finished_seq: int | None
    effective_sample_size: float | None = None
    """That of a likelihood (`score.effective_sample_size`), in replicates; None for other losses and for older runs."""
    wanted: int | None = None
    """How many replicates it was to have, if that was decided for it alone; fewer if it was `stopped_early`."""

    @property
    def loss_bias(self) -> float | None:
        """By how much its loss is too high for its few replicates (`score.jackknife_bias`).

        None where it is not known: a single replicate, an `effective_sample_size` below 5, an older run.
        """
        found = self.diagnostics.get(LOSS_BIAS)
        return float(found) if isinstance(found, int | float) else None

    @property
    def lease(self) -> Lease:
        """The lease that its row describes."""
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
            wanted=self.wanted,
        )

    @property
    def nuisance(self) -> Mapping[str, float]:
        """The nuisance parameters of the observation at which its loss is lowest; none where the run has none."""
        found = self.diagnostics.get("nuisance")
        return found if isinstance(found, Mapping) else {}

    @property
    def seq(self) -> int:
        """The run's counter at its last change; 0 while it has no parameters."""
        return self.finished_seq or self.proposed_seq or 0

    def parameter_set(self) -> UniqueParameterSet:
        """Its parameters with their id. Raises ValueError while it has none."""
        if self.params is None:
            raise ValueError(f"trial {self.number} has no parameters yet")
        return UniqueParameterSet.of(self.params)

    def values_of(self, names: Iterable[str]) -> dict[str, Scalar]:
        """Its values of these parameters. Raises LedgerError if one is missing."""
        params = self.params or {}
        try:
            return {name: params[name] for name in names}
        except KeyError as error:
            raise damaged(self, f"column params lacks {error}") from error


TO_DO_WHEN_DAMAGED = "take the ledger from a backup, or start a new one"


def damaged(trial: Trial, what: str) -> LedgerError:
    """The error to raise for a trial whose row is damaged."""
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
    """A simulation, as the ledger stores it. `index` is 2**32 or more for one of a confirmation."""

    number: int
    index: int
    seed: int
    """An unsigned 64-bit integer, stored as text."""
    status: Literal["COMPLETED", "FAILED"]
    seconds: float
    attempt: int = 1
    """How often it was recorded; the ledger counts."""
    aligned: bytes = b""
    """The aligned values, as raw float64; the ledger compresses them."""
    digest: str = ""
    failure: str | None = None
    error: str | None = None
    log: str = ""


def completed(replicates: Iterable[Replicate], phase: Phase) -> list[Replicate]:
    """The completed ones of a phase, in their order."""
    return [each for each in replicates if each.status == "COMPLETED" and phase_of(each.index) == phase]


def values_or_failed(replicates: Iterable[Replicate], phase: Phase) -> list[bytes | None]:
    """The aligned values of a phase's replicates by their index; None for one that failed."""
    rows = sorted((each for each in replicates if phase_of(each.index) == phase), key=lambda each: each.index)
    return [each.aligned if each.status == "COMPLETED" else None for each in rows]


class Ledger(Protocol):
    """The runs in a database, for many processes at once. An object is for one thread; only `renew` may come from another.

    Times are those of the database's clock. What a method wrote is durable when it returns. `seq` is a counter of the
    run: a trial gets its next value when its parameters are proposed, and another one when it finishes. Readers see the
    values in order and without gaps, so one who has read up to some `seq` continues above it and misses nothing.
    """

    def close(self) -> None: ...

    # runs
    def create_run(self, run: Run) -> Run:
        """Create it; if there is one of that name, return that one unchanged (the caller compares identities)."""
        ...

    def get_run(self, run_id: str) -> Run | None: ...

    def list_runs(self) -> list[Run]:
        """All runs, newest first."""
        ...

    def rename_run(self, run_id: str, new_id: str) -> None:
        """Rename a run and keep all its rows. Raises LedgerError if the name is in use or a worker holds a lease."""
        ...

    def extend(self, run_id: str, trials: int) -> Run:
        """Raise the budget to `trials` in total, and reopen the run. Raises UserError if that is no more than before."""
        ...

    def end_asking(self, run_id: str, reason: str) -> None:
        """Reserve no further trial. A reason given earlier is kept."""
        ...

    def reopen(self, run_id: str) -> None:
        """Allow trials to be reserved again, up to the budget: state OPEN, no reason."""
        ...

    def end_run(self, run_id: str, state: RunState, reason: str, summary: Mapping[str, Any]) -> None:
        """Store how the run ended. If `reason` is empty, the one given to `end_asking` is kept."""
        ...

    def warn(self, run_id: str, warning: str) -> None:
        """Add a line that the user should read to the run's provenance; a line that is there already is not added."""
        ...

    def set_paused(self, run_id: str, paused: bool) -> None:
        """Tell the run's workers to start no further trial, or that they may again."""
        ...

    def is_paused(self, run_id: str) -> bool: ...

    def enqueue(self, run_id: str, sets: Sequence[Mapping[str, Scalar]]) -> None:
        """Add sets of searched parameters to the queue, all or none; the next trials that are reserved take them."""
        ...

    # the life of a trial
    def reserve(self, run_id: str, worker: str, *, guesses: int, lease_s: float) -> Lease | None:
        """Lease the next trial of the budget, without parameters; None if the budget is used or asking has ended.

        The first `guesses` trials are for the user's guesses. A later trial takes the oldest set in the queue; if the
        queue is empty, the algorithm proposes its parameters, and `draw` numbers these trials 0, 1, ... A trial keeps
        its queued set when another worker takes it over.
        """
        ...

    def reserve_asked(self, run_id: str, worker: str, asked: Lease, *, guesses: int, lease_s: float) -> Trial | None:
        """`reserve`, and `propose` what `asked` holds in the same transaction where that is the trial that was reserved.

        It is when its number and draw are those of `asked`, and its lease the first. Otherwise the trial is reserved
        without parameters.
        """
        ...

    def queued_set(self, lease: Lease) -> Mapping[str, Scalar] | None:
        """The set that this trial took from the queue, or None."""
        ...

    def take_over(self, run_id: str, worker: str, *, lease_s: float) -> Lease | None:
        """Lease the oldest trial (search before confirm) that is PENDING, or whose lease expired, or whose holder has ended."""
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
        wanted: int | None = None,
    ) -> Trial:
        """Store the parameters of a reserved trial. Raises LeaseLost."""
        ...

    def withdraw(self, lease: Lease) -> None:
        """Give back a reserved trial for which there are no parameters. Raises LeaseLost."""
        ...

    def confirm(self, run_id: str, numbers: Sequence[int]) -> None:
        """Add a PENDING trial of phase `confirm` for each of these search trials that has none yet, with its parameters."""
        ...

    def renew(self, run_id: str, worker: str, *, lease_s: float) -> frozenset[tuple[Phase, int, int]]:
        """Renew all leases of `worker`; returns (phase, number, lease_no) of each one that it still holds."""
        ...

    def release(self, run_id: str, worker: str) -> None:
        """Give up all leases of `worker`, which stops: its trials become PENDING, also those without parameters."""
        ...

    def record(self, lease: Lease, replicates: Sequence[Replicate]) -> None:
        """Insert or update replicates by (trial, index), in one transaction. Raises LeaseLost.

        A COMPLETED replicate is never replaced by a FAILED one. One with another digest raises ConflictingResult, two of
        one index ValueError.
        """
        ...

    def finish(self, lease: Lease, end: TrialEnd, replicates: Sequence[Replicate] = ()) -> Trial:
        """Store how a trial ended, with the replicates that are not recorded yet, in one transaction.

        The same end may be stored again; another one raises ConflictingResult. Raises LeaseLost if another worker holds
        the trial, ValueError for two replicates of one index.
        """
        ...

    # reading
    def changes(self, run_id: str, after: int) -> list[Trial]:
        """Trials of both phases whose proposed_seq or finished_seq is above `after`."""
        ...

    def wait(self, run_id: str, after: int, timeout_s: float) -> bool:
        """Wait up to `timeout_s` for a change above `after`; False if there was none. (Postgres: LISTEN; SQLite: polling.)"""
        ...

    def trials(self, run_id: str, *, phase: Phase | None = None) -> list[Trial]:
        """All trials, by phase (search first) and number."""
        ...

    def replicates(self, run_id: str, number: int | None = None) -> list[Replicate]:
        """Replicates in order of trial and index: those of one trial (search and confirmation), or all."""
        ...

    def now(self) -> datetime:
        """The database's clock, UTC."""
        ...
