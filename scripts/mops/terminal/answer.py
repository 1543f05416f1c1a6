"""The answer of a run: lines for people, and the last event of `--json`."""

from __future__ import annotations

from pathlib import Path

from modelops_runtime.api.calibration import Calibration
from modelops_runtime.contracts.answer import Answer
from modelops_runtime.contracts.errors import RunFailed
from modelops_runtime.contracts.plain_text import plain_line
from mops.terminal.text import (
    ERROR,
    caution_lines,
    certainty_lines,
    duration,
    missing_error_lines,
    number,
    value_lines,
    warning_lines,
    with_error,
)


def answer_lines(report: Calibration) -> list[str]:
    """Best parameters with intervals and losses, derived quantities, fit, cautions, what it took, where the report is.

    A summary of an older ModelOps lacks some keys; their lines are left out.
    """
    lines = [f"{report.run_id}: already finished; `mops extend` raises its budget"] if report.already_finished else []
    lines.append(f"best parameters (trial {report.best_trial}):")
    lines += value_lines(report.params, report.derived, report.nuisance, report.found_intervals)
    lines.append(_loss(report))
    answer = Answer.from_json(report.summary)
    about_error = missing_error_lines(
        report.effective_sample_size, answer.replicates_of_loss, confirmed=report.confirmed_loss is not None
    )
    lines += [*about_error, *certainty_lines(report.found_intervals, report.fit_verdict, report.fit_says)]
    lines += warning_lines(report.warnings)
    lines += caution_lines(report.cautions, report.caution_kinds, error_explained=bool(about_error))
    if answer.stop_reason:
        lines.append(f"stopped before the budget: {answer.stop_reason}")
    if answer.failed:
        commonest = plain_line(answer.commonest_error or "", limit=ERROR)
        lines.append(f"{answer.failed} trials failed" + (f"; the commonest {commonest}" if commonest else ""))
    if not report.already_finished:
        lines.append(f"{report.trials_made} trials, {report.simulations:,} simulations in {duration(report.elapsed_s)}")
    lines.append(f"report: {report.report}")
    return lines


def ended_json(report: Calibration) -> dict[str, object]:
    """The last event of a run with `--json`."""
    from modelops_runtime.inference.identifiability import intervals_json

    return {
        "event": "run_ended",
        "state": "INTERRUPTED" if report.interrupted else report.state,
        "reason": report.stop_reason,
        "report": None if report.report is None else str(report.report),
        "summary": dict(report.summary),
        "warnings": list(report.warnings),
        "cautions": list(report.cautions),
        "caution_kinds": list(report.caution_kinds),
        "fit": {"verdict": report.fit_verdict, "says": report.fit_says},
        "intervals": None if report.found_intervals is None else intervals_json(report.found_intervals),
    }


def failed_json(error: RunFailed, page: Path) -> dict[str, object]:
    """The same for a run without an answer; `page` is the report."""
    return {"event": "run_ended", "state": "FAILED", "reason": str(error), "report": str(page), "summary": {}}


def _loss(report: Calibration) -> str:
    if report.confirmed_loss is None:
        return f"loss {with_error(report.loss, report.loss_se)}, not confirmed on fresh seeds"
    confirmed = with_error(report.confirmed_loss, report.confirmed_loss_se)
    fresh = f"confirmed on {report.confirmed_replicates or 'its'} fresh replicates"
    return f"loss {confirmed} {fresh} (in the search: {number(report.loss)})"
