"""The progress of a run as values, for `mops status`, for programs and for the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.plain_json import plain
from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.inference.effective_sizes import trials_of
from modelops_runtime.inference.ranking import Candidate, best_raw, candidates
from modelops_runtime.ledger.base import Ledger, Run, Trial
from modelops_runtime.ledger.opening import run_in

LAST_ERRORS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """A trial and its losses."""

    trial: int
    params: Mapping[str, Scalar]
    loss: float | None
    loss_se: float | None
    replicates: int
    confirmed_loss: float | None
    """Over fresh seeds; None until the confirmation has finished."""
    confirmed_loss_se: float | None
    confirmed_replicates: int
    effective_sample_size: float | None = None
    """How many of its replicates count in a likelihood; below 5 there is no standard error."""
    confirmed_effective_sample_size: float | None = None
    nuisance: Mapping[str, float] = field(default_factory=dict)
    """The nuisance parameters of the observation, as the confirmed loss has found them, or that of the search."""
    loss_bias: float | None = None
    """By how much the loss is too high for its few replicates; None where that is not known (see `Trial.loss_bias`)."""
    confirmed_loss_bias: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """All failed trials of one kind."""

    kind: str
    count: int
    commonest: str
    commonest_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseHolder:
    """A worker that holds leases now."""

    worker: str
    leases: int
    first_deadline: datetime | None
    """When the first of its leases ends, on the clock of the database."""
    overdue: int
    """Leases past their deadline: another worker will take them over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastError:
    trial: int
    phase: str
    kind: str
    error: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunProgress:
    """A run at one moment, `at` on the clock of the database."""

    run_id: str
    state: str
    reason: str
    paused: bool
    queued: int
    """Sets that wait for a trial (`mops enqueue`)."""
    at: datetime
    trials: int
    """The budget."""
    replicates: int
    finished: int
    by_status: Mapping[str, int]
    """Of the search trials."""
    confirm_by_status: Mapping[str, int]
    stopped_early: int
    best: Best | None
    """By confirmed loss where there is one."""
    best_raw: Best | None
    """By the loss of the search."""
    derived: Mapping[str, Any]
    failures: tuple[Failed, ...]
    workers: tuple[LeaseHolder, ...]
    created_at: datetime | None
    finished_at: datetime | None
    simulations: int
    """Those of all finished trials."""
    simulation_s: float
    """Seconds of simulation, of finished trials of both phases."""
    last_errors: tuple[LastError, ...]
    """Newest first."""
    warnings: tuple[str, ...] = ()
    """What the user should know about the model, for example that it does not repeat."""

    def as_json(self) -> dict[str, Any]:
        """The same names; times as ISO text, no NaN."""
        return plain(asdict(self))

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> RunProgress:
        """What `as_json` wrote. Raises ValueError for anything else."""
        from pydantic import TypeAdapter

        return TypeAdapter(cls).validate_python(given)


def read_progress(ledger: Ledger, run_id: str) -> RunProgress:
    """Raises LedgerError when there is no such run."""
    run = run_in(ledger, run_id)
    return progress_of(run, trials_of(ledger, run), ledger.now())


def progress_of(run: Run, trials: Sequence[Trial], now: datetime) -> RunProgress:
    """The progress that these rows show, at `now` on the clock of the database."""
    search = [trial for trial in trials if trial.phase == "search"]
    done = [trial for trial in trials if trial.status.is_final]
    ranked = candidates(trials)
    return RunProgress(
        run_id=run.run_id,
        state=str(run.state),
        reason=run.reason,
        paused=run.paused,
        queued=run.queued,
        at=now,
        trials=run.trials,
        replicates=run.replicates,
        finished=sum(trial.status.is_final for trial in search),
        by_status=_count(search),
        confirm_by_status=_count([trial for trial in trials if trial.phase == "confirm"]),
        stopped_early=sum(trial.stopped_early for trial in search),
        best=best_of(ranked[0]) if ranked else None,
        best_raw=best_of(raw) if (raw := best_raw(ranked)) else None,
        derived=dict(run.answer.derived) if run.answer else {},
        failures=failures_of(search),
        workers=_workers(trials, now),
        created_at=run.created_at,
        finished_at=run.finished_at,
        simulations=sum(trial.replicates for trial in done),
        simulation_s=sum(trial.seconds or 0.0 for trial in done),
        last_errors=_last_errors(done),
        warnings=run.warnings,
    )


def _count(trials: Sequence[Trial]) -> dict[str, int]:
    counts = Counter(str(trial.status) for trial in trials)
    return {str(status): counts[str(status)] for status in TrialStatus if counts[str(status)]}


def best_of(candidate: Candidate) -> Best:
    """A candidate with its losses."""
    trial = candidate.search
    confirmed = candidate.confirm if candidate.confirmed_loss is not None else None
    return Best(
        trial=trial.number,
        params=dict(trial.params or {}),
        loss=trial.loss,
        loss_se=trial.loss_se,
        replicates=trial.replicates,
        confirmed_loss=candidate.confirmed_loss,
        confirmed_loss_se=candidate.confirmed_loss_se,
        confirmed_replicates=confirmed.replicates if confirmed else 0,
        effective_sample_size=trial.effective_sample_size,
        confirmed_effective_sample_size=confirmed.effective_sample_size if confirmed else None,
        nuisance=dict(candidate.nuisance),
        loss_bias=trial.loss_bias,
        confirmed_loss_bias=confirmed.loss_bias if confirmed else None,
    )


def failures_of(trials: Sequence[Trial]) -> tuple[Failed, ...]:
    """Failed trials by kind, the most frequent first, each with its most frequent error."""
    by_kind: dict[str, Counter[str]] = {}
    for trial in trials:
        if trial.status in (TrialStatus.FAILED, TrialStatus.TIMEOUT):
            by_kind.setdefault(trial.failure or str(trial.status), Counter())[trial.error or "no message"] += 1
    found: list[Failed] = []
    for kind, errors in by_kind.items():
        text, count = max(errors.items(), key=lambda item: (item[1], item[0]))
        found.append(Failed(kind=kind, count=errors.total(), commonest=text, commonest_count=count))
    return tuple(sorted(found, key=lambda failed: (-failed.count, failed.kind)))


def _workers(trials: Sequence[Trial], now: datetime) -> tuple[LeaseHolder, ...]:
    held: dict[str, list[Trial]] = {}
    for trial in trials:
        if trial.status is TrialStatus.LEASED and trial.worker:
            held.setdefault(trial.worker, []).append(trial)
    found: list[LeaseHolder] = []
    for worker, leases in sorted(held.items()):
        deadlines = [trial.lease_until for trial in leases if trial.lease_until is not None]
        found.append(
            LeaseHolder(
                worker=worker,
                leases=len(leases),
                first_deadline=min(deadlines, default=None),
                overdue=sum(deadline < now for deadline in deadlines),
            )
        )
    return tuple(found)


def _last_errors(done: Sequence[Trial]) -> tuple[LastError, ...]:
    failed = [trial for trial in done if trial.error]
    newest = sorted(failed, key=lambda t: (t.finished_seq or 0, t.number), reverse=True)[:LAST_ERRORS]
    return tuple(
        LastError(trial=t.number, phase=t.phase, kind=t.failure or str(t.status), error=t.error or "", at=t.finished_at)
        for t in newest
    )
