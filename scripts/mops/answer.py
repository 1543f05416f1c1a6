"""The answer of a run, as lines for people."""

from __future__ import annotations

from modelops_runtime.api.calibration import Calibration
from mops.text import caution_lines, duration, number, printable, value_text, with_error


def answer_lines(report: Calibration) -> list[str]:
    """Best parameters with their losses, derived quantities, what is to be said against them, what it took, and the report.

    A summary that an older ModelOps wrote lacks some keys: what they would tell is left out.
    """
    lines = [f"{report.run_id}: already finished; `mops extend` raises its budget"] if report.already_finished else []
    lines.append(f"best parameters (trial {report.best_trial}):")
    width = max(map(len, {**report.params, **report.derived}), default=0)
    lines += [f"  {name:<{width}}  {value_text(value)}" for name, value in report.params.items()]
    lines += [f"  {name:<{width}}  {value_text(value)}  (derived)" for name, value in report.derived.items()]
    lines.append(_loss(report))
    lines += caution_lines(report.cautions)
    summary = report.summary
    if reason := summary.get("stop_reason"):
        lines.append(f"stopped before the budget: {reason}")
    if failed := summary.get("failed"):
        commonest = summary.get("commonest_error")
        lines.append(f"{failed} trials failed" + (f"; the commonest {printable(commonest)}" if commonest else ""))
    if not report.already_finished:
        lines.append(f"{report.trials_made} trials, {report.simulations:,} simulations in {duration(report.elapsed_s)}")
    lines.append(f"report: {report.report}")
    return lines


def _loss(report: Calibration) -> str:
    if report.confirmed_loss is None:
        return f"loss {with_error(report.loss, report.loss_se)}, not confirmed on fresh seeds"
    confirmed = with_error(report.confirmed_loss, report.confirmed_loss_se)
    fresh = f"confirmed on {report.confirmed_replicates or 'its'} fresh replicates"
    return f"loss {confirmed} {fresh} (in the search: {number(report.loss)})"
