"""A run's answer with what it rests on, and all runs of a ledger in short: for `mops results`, and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from modelops_runtime.contracts.plain_json import plain
from modelops_runtime.inference.ranking import finalists
from modelops_runtime.ledger.base import Ledger, Run, Trial
from modelops_runtime.results.summary import Best, best_of, summary_of

if TYPE_CHECKING:  # a list of runs takes no numbers
    from modelops_runtime.inference.run_data import RunData


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What `mops results show` says."""

    run: str
    state: str
    reason: str
    warnings: tuple[str, ...]
    """What its user should know of the model: that it does not repeat itself, say."""
    trials: int
    """The budget."""
    finished: int
    failed: int
    stopped_early: int
    replicates: int
    simulations: int
    best: Best | None
    """By confirmed loss where there is one."""
    derived: Mapping[str, Any]
    """Quantities that follow from the best parameters; known once the run is completed."""
    finalists: tuple[Best, ...]
    """Best first; without a confirmed loss while theirs is not done."""
    cautions: tuple[str, ...]
    """What is to be said against the answer, a sentence each."""
    created_at: datetime | None
    finished_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        """The same names; times as ISO text, no NaN."""
        return plain(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A run in one line."""

    run: str
    state: str
    paused: bool
    trials: int
    finished: int
    loss: float | None
    """Of the best trial, in the search."""
    confirmed_loss: float | None
    created_at: datetime | None
    finished_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        return plain(asdict(self))


def shown(ledger: Ledger, run_id: str) -> Shown:
    """Raises LedgerError when there is no such run."""
    from modelops_runtime.inference.run_data import gather

    return shown_of(gather(ledger, run_id))


def shown_of(evidence: RunData) -> Shown:
    """The same of these rows."""
    from modelops_runtime.inference.cautions import cautions_of

    run, trials = evidence.run, evidence.trials
    summary = summary_of(run, trials, evidence.now)
    return Shown(
        run=run.run_id,
        state=summary.state,
        reason=summary.reason,
        warnings=run.warnings,
        trials=summary.trials,
        finished=summary.finished,
        failed=sum(failed.count for failed in summary.failures),
        stopped_early=summary.stopped_early,
        replicates=summary.replicates,
        simulations=summary.simulations,
        best=_in_order(summary.best, run) if summary.best else None,
        derived=summary.derived,
        finalists=tuple(_in_order(best_of(candidate), run) for candidate in finalists(trials)),
        cautions=cautions_of(evidence),
        created_at=run.created_at,
        finished_at=run.finished_at,
    )


def _in_order(best: Best, run: Run) -> Best:
    """With its parameters in the order of the spec; those that the model's class alone has come last."""
    names = [name for name in run.spec.get("parameters", {}) if name in best.params]
    names += [name for name in best.params if name not in names]
    return replace(best, params={name: best.params[name] for name in names})


def listed(ledger: Ledger) -> list[Listed]:
    """All runs, newest first."""
    return [listed_of(run, ledger.trials(run.run_id), ledger.now()) for run in ledger.list_runs()]


def listed_of(run: Run, trials: Sequence[Trial], now: datetime) -> Listed:
    """The same of these rows."""
    summary = summary_of(run, trials, now)
    return Listed(
        run=run.run_id,
        state=summary.state,
        paused=summary.paused,
        trials=summary.trials,
        finished=summary.finished,
        loss=summary.best.loss if summary.best else None,
        confirmed_loss=summary.best.confirmed_loss if summary.best else None,
        created_at=run.created_at,
        finished_at=run.finished_at,
    )
