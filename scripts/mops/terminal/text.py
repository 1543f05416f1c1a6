"""Lines for people: numbers, durations, the status of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from modelops_runtime.contracts.caution import CautionKind
from modelops_runtime.contracts.plain_text import plain_line
from modelops_runtime.contracts.wording import counted

if TYPE_CHECKING:
    from modelops_runtime.inference.intervals import Intervals
    from modelops_runtime.results.run_progress import Best, LeaseHolder, RunProgress

ERROR = 200
"""The most characters of a model's error in a status line."""


def number(value: float | None) -> str:
    """Four significant digits, without an exponent if readable."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return str(value)
    return f"{value:,.4g}" if abs(value) < 9999.5 else f"{value:,.0f}" if abs(value) < 1e12 else f"{value:.3e}"


def duration(seconds: float) -> str:
    """`42 s`, `3 min 05 s`, `2 h 10 min`, `3 d 04 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600:02d} h"


def value_text(value: object) -> str:
    """Of a parameter."""
    return number(value) if isinstance(value, float) else str(value)


def with_error(loss: float | None, standard_error: float | None) -> str:
    """`57.2 ± 1.1`."""
    return number(loss) if standard_error is None else f"{number(loss)} ± {number(standard_error)}"


def missing_error_lines(effective: float | None, replicates: int, *, confirmed: bool) -> list[str]:
    """A line about a loss without an error, with what to do; none if it has one.

    The few replicates of a search seldom give one, but the confirmation does.
    """
    from modelops_runtime.statistics.effective_sample_size import what_to_do, why_no_error

    why = why_no_error(effective, replicates)
    if effective is None or not why:
        return []
    return [f"{why}; {what_to_do(effective, replicates)}" if confirmed else why]


def warning_lines(warnings: Sequence[str]) -> list[str]:
    """Warnings about the model, one per line."""
    return [f"warning: {plain_line(warning)}" for warning in warnings]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines, each column as wide as its widest text."""
    rows = [[plain_line(text) for text in row] for row in rows]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))] if rows else []
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def value_lines(
    params: Mapping[str, object],
    derived: Mapping[str, object],
    nuisance: Mapping[str, object],
    found: Intervals | None,
) -> list[str]:
    """A line for each parameter with its interval, then what is derived from them, and the nuisance parameters."""
    notes = interval_notes(found)
    rows = [(f"  {name}", value_text(value), notes.get(name, "")) for name, value in params.items()]
    rows += [(f"  {name}", value_text(value), "(derived)") for name, value in derived.items()]
    return aligned([*rows, *((f"  {name}", value_text(value), "(nuisance)") for name, value in nuisance.items())])


def interval_notes(found: Intervals | None) -> dict[str, str]:
    """By parameter, `95 %: 0.42 to 0.61`; none where the intervals are not known."""
    if found is None:
        return {}
    from modelops_runtime.inference import identifiability

    return identifiability.interval_notes(found)


def certainty_lines(found: Intervals | None, verdict: str, fit_says: str) -> list[str]:
    """How the intervals were found, and whether the model fits; a caution says why there are none, and that nothing fits."""
    from modelops_runtime.inference import identifiability

    lines = [identifiability.intervals_rest_on(found)] if found is not None else []
    lines += [f"fit: {plain_line(fit_says)}"] if fit_says and verdict != "misfit" else []
    return [line for line in lines if line]


NO_INTERVALS = "There are no intervals for this run: its loss rests on too few replicates, as said above."


def caution_lines(cautions: Sequence[str], kinds: Sequence[str], *, error_explained: bool) -> list[str]:
    """Cautions about an answer, one per line. `error_explained`: the lines above say why the loss has no error."""
    said = list(cautions)
    for at, kind in enumerate(kinds):
        if error_explained and kind == CautionKind.FEW_EFFECTIVE_REPLICATES:
            said[at] = NO_INTERVALS
    return [f"caution: {plain_line(sentence)}" for sentence in said]


def status_lines(summary: RunProgress) -> list[str]:
    """The status of a run, one fact per line."""
    lines = [f"{summary.run_id}: {_state(summary)}", f"trials      {_trials(summary)}"]
    if summary.queued:
        lines.append(f"queued      {counted(summary.queued, 'parameter set')}, for the next trials")
    if summary.confirm_by_status:
        lines.append(f"confirming  {_counts(summary.confirm_by_status)}")
    lines += _best_lines(summary)
    if summary.derived:
        lines.append(f"derived     {values_text(summary.derived)}")
    lines.append(f"simulated   {summary.simulations:,} simulations, {duration(summary.simulation_s)} of simulation")
    lines.append(f"times       {_times(summary)}")
    lines += [f"worker      {_worker(worker, summary.at)}" for worker in summary.workers]
    lines += [f"warning     {plain_line(warning)}" for warning in summary.warnings]
    for failed in summary.failures:
        lines.append(
            f"failed      {failed.count} {failed.kind}; the commonest ({failed.commonest_count}): {_line(failed.commonest)}"
        )
    for error in summary.last_errors[:3]:
        lines.append(f"last error  trial {error.trial}{_phase(error.phase)}: {error.kind}: {_line(error.error)}")
    return lines


def _state(summary: RunProgress) -> str:
    word = summary.state.lower()
    if summary.state == "OPEN" and summary.paused:
        return f"paused; `mops resume {summary.run_id}` goes on"
    if summary.state == "OPEN":
        word = "running" if summary.workers else "open, nobody works on it just now"
    return f"{word} ({summary.reason})" if summary.reason else word


def _trials(summary: RunProgress) -> str:
    text = f"{summary.finished:,} of {summary.trials:,} finished"
    counts = _counts(summary.by_status)
    if summary.stopped_early:
        counts += f"; {summary.stopped_early:,} stopped early"
    return f"{text} ({counts})" if counts else text


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {status.lower()}" for status, count in counts.items())


def _best_lines(summary: RunProgress) -> list[str]:
    best = summary.best
    if best is None:
        return ["best        none yet"]
    lines = [f"best        {_best(best)}", f"            {values_text(best.params)}"]
    if best.confirmed_loss is None:
        return lines
    why = missing_error_lines(best.confirmed_effective_sample_size, best.confirmed_replicates, confirmed=True)
    return [*lines, *(f"            {line}" for line in why)]


def _best(best: Best) -> str:
    raw = f"loss {number(best.loss)} over {best.replicates} replicates"
    if best.confirmed_loss is None:
        return f"trial {best.trial}: {raw}, not confirmed"
    confirmed = with_error(best.confirmed_loss, best.confirmed_loss_se)
    fresh = f"confirmed loss {confirmed} over {best.confirmed_replicates} fresh replicates"
    return f"trial {best.trial}: {fresh} (in the search: {number(best.loss)})"


def values_text(values: Mapping[str, object]) -> str:
    """Of parameters: `beta 1.7, gamma 0.45`."""
    return ", ".join(f"{name} {value_text(value)}" for name, value in values.items())


def _times(summary: RunProgress) -> str:
    if summary.created_at is None:
        return "not started"
    started = f"started {summary.created_at:%Y-%m-%d %H:%M:%S %Z}"
    end = summary.finished_at
    if end is None:
        return f"{started}, {duration((summary.at - summary.created_at).total_seconds())} ago"
    took = duration((end - summary.created_at).total_seconds())
    return f"{started}, finished {end:%Y-%m-%d %H:%M:%S %Z} ({took})"


def _worker(worker: LeaseHolder, now: datetime) -> str:
    text = f"{worker.worker}: {worker.leases} leased"
    if worker.overdue:
        return f"{text}, {worker.overdue} overdue"
    if worker.first_deadline is not None:
        text += f", for {duration((worker.first_deadline - now).total_seconds())} more unless renewed"
    return text


def _phase(phase: str) -> str:
    return " (confirmation)" if phase == "confirm" else ""


def _line(text: str) -> str:
    return plain_line(text.strip().splitlines()[0] if text.strip() else text, limit=ERROR)
