"""When and on which worker each trial ran: for the figures of time and the table of workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.ledger.base import Trial
from modelops_runtime.results.report.plot.scales import AxisTick, Scale, linear_ticks
from modelops_runtime.results.report.plot.svg import Frame

WORKERS = 12
"""Workers with a row or a line of their own in a figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The time of one finished trial, in seconds since the first trial began."""

    worker: str
    start: float
    stop: float
    simulated: float
    """Seconds of simulation, over all its replicates."""
    css: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTime:
    """The work of one worker; times in seconds since the first trial began."""

    worker: str
    trials: int
    failed: int
    simulated: float
    first: float
    last: float


def spans_of(trials: Sequence[Trial]) -> tuple[datetime | None, list[Span]]:
    """(when the first trial began, the finished trials)."""
    timed = [(t, t.proposed_at, t.finished_at) for t in trials if t.status.is_final and t.proposed_at and t.finished_at]
    if not timed:
        return None, []
    began = min(start for _, start, _ in timed)
    found = [
        Span(
            worker=short_name(trial.worker or "unknown"),
            start=(start - began).total_seconds(),
            stop=max((stop - began).total_seconds(), (start - began).total_seconds()),
            simulated=trial.seconds or 0.0,
            css=_css(trial),
        )
        for trial, start, stop in timed
    ]
    return began, sorted(found, key=lambda span: (span.start, span.stop))


def short_name(worker: str) -> str:
    """`node-3/28178`: the host and the process, without the part that distinguishes two boots."""
    return "/".join(worker.split("/")[:2])


def _css(trial: Trial) -> str:
    if trial.status is not TrialStatus.COMPLETED:
        return "lost"
    if trial.phase == "confirm":
        return "fresh"
    return "early" if trial.stopped_early else "median"


def worker_times(trials: Sequence[Trial]) -> list[WorkerTime]:
    """The workers by simulated seconds, the busiest first."""
    _, spans = spans_of(trials)
    by_worker: dict[str, list[Span]] = {}
    for span in spans:
        by_worker.setdefault(span.worker, []).append(span)
    found = [
        WorkerTime(
            worker=worker,
            trials=len(those),
            failed=sum(span.css == "lost" for span in those),
            simulated=sum(span.simulated for span in those),
            first=those[0].start,
            last=max(span.stop for span in those),
        )
        for worker, those in by_worker.items()
    ]
    return sorted(found, key=lambda w: (-w.simulated, w.worker))


def unit_of(seconds: float) -> tuple[float, str]:
    if seconds > 3 * 3_600:
        return 3_600.0, "hours"
    return (60.0, "minutes") if seconds > 180 else (1.0, "seconds")


def time_axis(frame: Frame, end: float, wanted: int) -> tuple[Scale, list[AxisTick], str]:
    unit, name = unit_of(end)
    ticks = [AxisTick(tick.at * unit, tick.text) for tick in linear_ticks(0.0, end / unit, wanted)]
    return Scale(0.0, end, *frame.x_range), ticks, f"{name} since the first trial"
