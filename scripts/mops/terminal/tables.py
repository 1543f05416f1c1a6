"""Runs and answers as aligned text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from modelops_runtime.contracts.wording import counted
from modelops_runtime.statistics.effective_sample_size import is_too_small
from mops.terminal.text import (
    aligned,
    caution_lines,
    certainty_lines,
    missing_error_lines,
    number,
    value_lines,
    value_text,
    warning_lines,
    with_error,
)

if TYPE_CHECKING:
    from modelops_runtime.inference.intervals import Intervals
    from modelops_runtime.results.run_progress import Best
    from modelops_runtime.results.run_summary import RunLine, RunSummary

_COLUMNS_OF_PARAMETERS = 6


def listed_lines(runs: Sequence[RunLine]) -> list[str]:
    """One line per run, with a head."""
    rows = [("RUN", "STATE", "TRIALS", "BEST", "CONFIRMED", "STARTED (UTC)", "FINISHED (UTC)")]
    rows += [
        (
            run.run,
            "paused" if run.paused and run.state == "OPEN" else run.state.lower(),
            f"{run.finished:,}/{run.trials:,}",
            number(run.loss),
            number(run.confirmed_loss),
            f"{run.created_at:%Y-%m-%d %H:%M}" if run.created_at else "-",
            f"{run.finished_at:%Y-%m-%d %H:%M}" if run.finished_at else "-",
        )
        for run in runs
    ]
    return aligned(rows)


def summary_lines(summary: RunSummary) -> list[str]:
    """The answer, its finalists, and the effort."""
    counts = [f"{summary.finished:,} of {counted(summary.trials, 'trial')}"]
    counts += [f"{summary.failed:,} failed"] if summary.failed else []
    counts += [f"{summary.stopped_early:,} stopped early"] if summary.stopped_early else []
    counts.append(f"{summary.simulations:,} simulations")
    state = f"{summary.state.lower()} ({summary.reason})" if summary.reason else summary.state.lower()
    lines = [f"{summary.run}: {state}; {', '.join(counts)}", *warning_lines(summary.warnings)]
    if summary.best is None:
        return [*lines, "no trial has completed yet" if summary.state == "OPEN" else "no trial completed"]
    about_error = _error_lines(summary.best)
    lines += _best_lines(summary.best, summary.derived, summary.found.intervals)
    certain = certainty_lines(summary.found.intervals, summary.found.fit.verdict, summary.found.fit.says)
    lines += [*about_error, *certain, *_finalist_lines(summary.finalists)]
    return [*lines, *caution_lines(summary.cautions, summary.caution_kinds, error_explained=bool(about_error))]


def _best_lines(best: Best, derived: Mapping[str, object], found: Intervals) -> list[str]:
    lines = [f"best parameters (trial {best.trial}):", *value_lines(best.params, derived, best.nuisance, found)]
    if best.confirmed_loss is None:
        return [*lines, f"loss {with_error(best.loss, best.loss_se)}, not confirmed on fresh seeds"]
    confirmed = with_error(best.confirmed_loss, best.confirmed_loss_se)
    fresh = f"confirmed on {best.confirmed_replicates} fresh replicates"
    return [*lines, f"loss {confirmed} {fresh} (in the search: {number(best.loss)})"]


def _error_lines(best: Best) -> list[str]:
    """Why the loss of the best set has no error; none if it has one."""
    if best.confirmed_loss is None:
        return missing_error_lines(best.effective_sample_size, best.replicates, confirmed=False)
    return missing_error_lines(best.confirmed_effective_sample_size, best.confirmed_replicates, confirmed=True)


def _finalist_lines(finalists: Sequence[Best]) -> list[str]:
    """The confirmed sets; parameters that are equal in all of them are left out."""
    if not finalists:
        return []
    names = list(finalists[0].params)
    told = [name for name in names if len({repr(best.params.get(name)) for best in finalists}) > 1]
    told = told[:_COLUMNS_OF_PARAMETERS]
    rankless = is_too_small(finalists[0].confirmed_effective_sample_size)
    rows = [("  TRIAL", "CONFIRMED", "REPLICATES", "IN THE SEARCH", *told)]
    for best in finalists:
        values = [value_text(best.params.get(name, "-")) for name in told]
        done = best.confirmed_loss is not None
        confirmed = with_error(best.confirmed_loss, best.confirmed_loss_se) if done else "not yet"
        confirmed += ", error unknown" if not rankless and is_too_small(best.confirmed_effective_sample_size) else ""
        replicates = f"{best.confirmed_replicates:,}" if done else "-"
        rows.append((f"  {best.trial}", confirmed, replicates, number(best.loss), *values))
    return [f"finalists{', whose order says nothing' if rankless else ''}:", *aligned(rows)]
