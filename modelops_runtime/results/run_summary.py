"""The answer of a run and the evidence behind it, and all runs of a ledger in one line each: for `mops results` and programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from modelops_runtime.contracts.plain_json import plain
from modelops_runtime.inference.ranking import finalists
from modelops_runtime.ledger.base import Ledger, Run, Trial
from modelops_runtime.results.run_progress import Best, best_of, progress_of

if TYPE_CHECKING:  # a list of runs needs no numpy
    from modelops_runtime.inference.cautions import Findings
    from modelops_runtime.inference.run_data import RunData


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What `mops results show` prints."""

    run: str
    state: str
    reason: str
    warnings: tuple[str, ...]
    """What the user should know about the model, for example that it does not repeat."""
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
    """Best first; without a confirmed loss until their confirmation has finished."""
    cautions: tuple[str, ...]
    """Reasons to doubt the answer, a sentence each."""
    caution_kinds: tuple[str, ...]
    """The kind of each (`CautionKind`)."""
    found: Findings
    """Intervals, predictive checks, and whether the model fits."""
    created_at: datetime | None
    finished_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        """The same names, those of `findings_record` in the place of `found`; times as ISO text, no NaN."""
        from modelops_runtime.results.findings_record import findings_record

        record = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "found"}
        best, finalists = (None if self.best is None else asdict(self.best)), [asdict(best) for best in self.finalists]
        return plain(record | {"best": best, "finalists": finalists}) | findings_record(self.found)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """What `mops results list` prints about a run."""

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


def run_summary(ledger: Ledger, run_id: str) -> RunSummary:
    """The summary of a run in a ledger. Raises LedgerError when there is no such run."""
    from modelops_runtime.inference.run_data import gather

    return run_summary_of(gather(ledger, run_id))


def run_summary_of(run_data: RunData) -> RunSummary:
    """As `run_summary`, from rows that the caller has read."""
    from modelops_runtime.inference.cautions import cautions_of, findings_of

    run, trials = run_data.run, run_data.trials
    progress = progress_of(run, trials, run_data.now)
    found = findings_of(run_data)
    cautions = cautions_of(run_data, found)
    return RunSummary(
        run=run.run_id,
        state=progress.state,
        reason=progress.reason,
        warnings=run.warnings,
        trials=progress.trials,
        finished=progress.finished,
        failed=sum(failed.count for failed in progress.failures),
        stopped_early=progress.stopped_early,
        replicates=progress.replicates,
        simulations=progress.simulations,
        best=_in_order(progress.best, run) if progress.best else None,
        derived=progress.derived,
        finalists=tuple(_in_order(best_of(candidate), run) for candidate in finalists(trials)),
        cautions=tuple(caution.text for caution in cautions),
        caution_kinds=tuple(caution.kind for caution in cautions),
        found=found,
        created_at=run.created_at,
        finished_at=run.finished_at,
    )


def _in_order(best: Best, run: Run) -> Best:
    """The set with its parameters in the order of the spec, then those that only the model's class has."""
    names = [name for name in run.spec.get("parameters", {}) if name in best.params]
    names += [name for name in best.params if name not in names]
    return replace(best, params={name: best.params[name] for name in names})


def run_lines(ledger: Ledger) -> list[RunLine]:
    """All runs, newest first."""
    return [run_line(run, ledger.trials(run.run_id), ledger.now()) for run in ledger.list_runs()]


def run_line(run: Run, trials: Sequence[Trial], now: datetime) -> RunLine:
    """The line of a run from rows that the caller has read."""
    progress = progress_of(run, trials, now)
    return RunLine(
        run=run.run_id,
        state=progress.state,
        paused=progress.paused,
        trials=progress.trials,
        finished=progress.finished,
        loss=progress.best.loss if progress.best else None,
        confirmed_loss=progress.best.confirmed_loss if progress.best else None,
        created_at=run.created_at,
        finished_at=run.finished_at,
    )
