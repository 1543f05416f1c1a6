"""The content of a run's live display: from events and a clock to rows of text, without drawing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from modelops_runtime.contracts.plain_text import plain_line
from modelops_runtime.contracts.wording import counted
from modelops_runtime.runner.events import Counts, Event, RunStarted, Tick, TrialFinished
from mops.terminal.text import duration, number, value_text

WINDOW_S = 20.0
"""Rates are measured over this many last seconds."""

_SAMPLE_EVERY_S = 1.0

Tone = Literal["plain", "strong", "wait", "bad"]


@dataclass(frozen=True, slots=True)
class Sample:
    """The progress of the run at a time, without pauses."""

    elapsed_s: float
    finished: int
    simulations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStatus:
    """All that is known of a run from its events."""

    run_id: str
    counts: Counts
    at: float
    """When `counts` came in; seconds on the clock of the caller of `updated_status`."""
    busy: int | None = None
    """Slots, at the last tick; None before the first."""
    samples: tuple[Sample, ...]
    """A second or more apart; the first may lie before the window."""
    last_failure: str = ""
    confirming_since_s: float | None = None
    """Elapsed seconds when the confirmation began."""


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One line of the display."""

    label: str
    parts: tuple[str, ...]
    """The most important first: what does not fit is left out from the end."""
    share: float | None = None
    """0 to 1: drawn as a bar before the parts."""
    tone: Tone = "plain"


def initial_status(started: RunStarted, now: float) -> LiveStatus:
    """Before anything has happened."""
    counts = Counts(
        finished=started.finished,
        found=started.finished,
        trials=started.trials,
        failed=0,
        stopped_early=0,
        best_loss=None,
        best_trial=None,
        simulations=0,
        elapsed_s=0.0,
        slots=started.slots,
        busy=0,
    )
    return LiveStatus(run_id=started.run_id, counts=counts, at=now, samples=(Sample(0.0, started.finished, 0),))


def updated_status(status: LiveStatus, event: Event, now: float) -> LiveStatus:
    """The status after one more event. Called for each, so it only counts."""
    failure, busy = status.last_failure, status.busy
    match event:
        case Tick(counts):
            busy = counts.busy
        case TrialFinished(trial, counts):
            failure = f"{trial.failure}: {trial.error or ''}" if trial.failure else failure
        case _:
            return status
    since = status.confirming_since_s
    if counts.confirming and since is None:
        since = counts.elapsed_s
    return LiveStatus(
        run_id=status.run_id,
        counts=counts,
        at=now,
        busy=busy,
        samples=_sampled(status.samples, counts),
        last_failure=failure,
        confirming_since_s=since,
    )


def _sampled(samples: tuple[Sample, ...], counts: Counts) -> tuple[Sample, ...]:
    if counts.elapsed_s - samples[-1].elapsed_s < _SAMPLE_EVERY_S:
        return samples
    samples = (*samples, Sample(counts.elapsed_s, counts.finished, counts.simulations))
    while len(samples) > 2 and samples[1].elapsed_s <= counts.elapsed_s - WINDOW_S:
        samples = samples[1:]
    return samples


def rows(status: LiveStatus, now: float, *, stopping: bool = False, ended: bool = False) -> tuple[StatusRow, ...]:
    """The rows at the time `now`. `ended`: the final ones."""
    counts = status.counts
    shown_rows = [_head(status, now, stopping=stopping, ended=ended)]
    shown_rows.append(
        StatusRow("search", (f"{counts.finished:,}/{counts.trials:,} trials",), _share(counts.finished, counts.trials))
    )
    if counts.finalists:
        share = _share(counts.confirmed, counts.finalists)
        shown_rows.append(StatusRow("confirm", (f"{counts.confirmed}/{counts.finalists} sets",), share))
    shown_rows += [_best(counts), _speed(status, ended=ended)]
    if counts.stopped_early:
        shown_rows.append(StatusRow("raced", (f"{counted(counts.stopped_early, 'trial')} stopped early",)))
    if counts.failed:
        share = f" ({counts.failed / counts.finished:.0%})" if counts.finished else ""
        shown_rows.append(StatusRow("failed", (f"{counts.failed:,} of {counts.finished:,} trials{share}",), tone="bad"))
        if status.last_failure:
            shown_rows.append(StatusRow("error", (status.last_failure,), tone="bad"))
    return tuple(
        replace(row, label=plain_line(row.label), parts=tuple(map(plain_line, row.parts))) for row in shown_rows
    )


def _head(status: LiveStatus, now: float, *, stopping: bool, ended: bool) -> StatusRow:
    counts = status.counts
    since_s = 0.0 if counts.paused or ended else max(0.0, now - status.at)
    took = duration(counts.elapsed_s + since_s)
    if ended:
        return StatusRow(status.run_id, (took,), tone="strong")
    tone: Tone = "strong"
    if stopping:
        doing, tone = "stopping", "wait"
    elif counts.paused:
        doing, tone = f"paused; `mops resume {status.run_id}` goes on", "wait"
    elif not counts.confirming:
        doing = "searching"
    elif counts.confirmed < counts.finalists:
        doing = "confirming the best on fresh seeds"
    else:
        doing = "writing the report"
    parts = [doing]
    if stopping:
        parts += ["Ctrl-C again stops now", "what runs is finished first"]
    elif (left := seconds_left(status, now)) is not None:
        parts.append(f"{duration(left)} left")
    return StatusRow(status.run_id, (*parts, f"{took} so far"), tone=tone)


def _best(counts: Counts) -> StatusRow:
    if counts.best_trial is None:
        return StatusRow("best", ("no trial has completed yet",))
    values = (f"{name} {value_text(value)}" for name, value in (counts.best_params or {}).items())
    parts = (f"loss {number(counts.best_loss)} in the search", f"trial {counts.best_trial}", *values)
    return StatusRow("best", tuple(parts), tone="strong")


def _speed(status: LiveStatus, *, ended: bool) -> StatusRow:
    counts = status.counts
    if ended:
        return StatusRow(
            "speed", (f"{counts.simulations:,} simulations", f"{_a_second(counts.simulations_per_s)} a second")
        )
    parts = [f"{_a_second(simulations_per_s(status))} simulations a second"]
    if status.busy is not None:
        parts.append(f"{status.busy} of {counts.slots} slots busy")
    return StatusRow("speed", tuple(parts))


def simulations_per_s(status: LiveStatus) -> float:
    """Of this worker, in the last WINDOW_S seconds."""
    first, counts = status.samples[0], status.counts
    elapsed_s = counts.elapsed_s - first.elapsed_s
    return (counts.simulations - first.simulations) / elapsed_s if elapsed_s > 0 else 0.0


def seconds_left(status: LiveStatus, now: float) -> float | None:
    """Seconds left of the current phase at the current rate; None if unknown or if nothing moves."""
    counts, since_s = status.counts, status.confirming_since_s
    if counts.paused:
        return None
    if counts.confirming:
        left, done = counts.finalists - counts.confirmed, counts.confirmed
        took_s = counts.elapsed_s - (since_s or 0.0)
    else:
        first = status.samples[0]
        left, done = counts.trials - counts.finished, counts.finished - first.finished
        took_s = counts.elapsed_s - first.elapsed_s
        if done <= 0:  # trials that take longer than the window
            done, took_s = counts.finished - counts.found, counts.elapsed_s
    if left <= 0 or done <= 0:
        return None
    return max(0.0, left * took_s / done - (now - status.at))


def fitted(parts: Iterable[str], width: int, *, gap: str = ", ") -> str:
    """As many of `parts`, from the first on, as fit in `width` characters; the first one cut where even it does not."""
    first, *others = [*parts, ""]
    text = first if len(first) <= width else f"{first[: max(0, width - 3)]}..."[:width]
    for part in filter(None, others):
        longer = f"{text}{gap}{part}"
        if len(longer) > width:
            break
        text = longer
    return text


def _share(done: int, of: int) -> float:
    return min(1.0, done / of) if of > 0 else 1.0


def _a_second(pace: float) -> str:
    return f"{pace:,.0f}" if pace >= 100 else f"{pace:.2g}"
