"""The answer of a run, as lines for people."""

from __future__ import annotations

from modelops_runtime.api.calibration import Calibration
from mops.text import about_its_error, duration, number, printable, value_text, with_error


def answer_lines(report: Calibration) -> list[str]:
    """Best parameters with their losses, derived quantities, what it took, and where the report is."""
    summary = report.summary
    lines = [f"{report.run_id}: already finished; `mops extend` raises its budget"] if report.already_finished else []
    lines.append(f"best parameters (trial {summary['best_trial']}):")
    named = {**summary["params"], **summary["derived"]}
    width = max(map(len, named), default=0)
    lines += [f"  {name:<{width}}  {value_text(value)}" for name, value in summary["params"].items()]
    lines += [f"  {name:<{width}}  {value_text(value)}  (derived)" for name, value in summary["derived"].items()]
    if summary["confirmed_loss"] is not None:
        lines.append(
            f"loss {with_error(summary['confirmed_loss'], summary['confirmed_loss_se'])} confirmed on "
            f"{summary['confirmed_replicates']} fresh replicates (in the search: {number(summary['loss'])})"
        )
        effective, replicates = summary.get("confirmed_effective_sample_size"), summary["confirmed_replicates"]
    else:
        lines.append(f"loss {with_error(summary['loss'], summary['loss_se'])}, not confirmed on fresh seeds")
        effective, replicates = summary.get("effective_sample_size"), summary.get("replicates", 0)
    lines += about_its_error(effective, replicates, confirmed=summary["confirmed_loss"] is not None)
    if summary["stop_reason"]:
        lines.append(f"stopped before the budget: {summary['stop_reason']}")
    if summary.get("failed"):
        lines.append(f"{summary['failed']} trials failed; the commonest {printable(summary['commonest_error'])}")
    if not report.already_finished:
        lines.append(f"{report.trials_made} trials, {report.simulations:,} simulations in {duration(report.elapsed_s)}")
    lines.append(f"report: {report.report}")
    return lines
