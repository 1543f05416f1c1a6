"""Where the time went: when each worker's trials ran, and how much was simulated by when."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.contracts.wording import counted, duration, fmt
from modelops_runtime.ledger.base import Trial
from modelops_runtime.results.report.figure import NARROW, WIDE, Figure, fitted, thinned
from modelops_runtime.results.report.plot.scales import Scale, Tick, linear_ticks
from modelops_runtime.results.report.plot.svg import Axes, Frame, line, picture, segments, text

WORKERS = 12
"""Workers with a row of their own; the others share one."""

LANES = 6
"""Trials of one worker that are drawn above each other when they overlap."""

ROW = 30.0

POINTS = 300
"""Points of one line."""

_LEGEND = (
    ("stroke median", "a trial, all its replicates"),
    ("stroke early", "stopped early"),
    ("stroke fresh", "a confirmation"),
    ("stroke lost", "failed"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One finished trial in time, in seconds since the first began."""

    worker: str
    start: float
    stop: float
    simulated: float
    """Seconds of simulation, over all its replicates."""
    css: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTime:
    """What one worker did."""

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
    """`node-3/28178`: the host and the process, without what tells two boots apart."""
    return "/".join(worker.split("/")[:2])


def _css(trial: Trial) -> str:
    if trial.status is not TrialStatus.COMPLETED:
        return "lost"
    if trial.phase == "confirm":
        return "fresh"
    return "early" if trial.stopped_early else "median"


def worker_times(trials: Sequence[Trial]) -> list[WorkerTime]:
    """By simulated seconds, the most first."""
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


def time_figures(trials: Sequence[Trial]) -> list[Figure]:
    """When the trials ran, and what was simulated by when; none while no trial has finished."""
    began, spans = spans_of(trials)
    end = max((span.stop for span in spans), default=0.0)
    if began is None or end <= 0:
        return []
    workers = [w.worker for w in worker_times(trials)]
    says = when_says(trials, began)
    seen = {span.css for span in spans}
    when = Figure(
        title="When the trials ran",
        says=says,
        wide=_timeline(WIDE, spans, workers, end, says),
        narrow=_timeline(NARROW, spans, workers, end, says),
        legend=tuple(item for item in _LEGEND if item[0].removeprefix("stroke ") in seen),
        kind="time",
        name="trials by worker",
    )
    if not any(span.simulated > 0 for span in spans):
        return [when]
    told = work_says(spans, end)
    work = Figure(
        title="Time spent simulating",
        says=told,
        wide=_work(WIDE, spans, workers, end, told),
        narrow=_work(NARROW, spans, workers, end, told),
        legend=(("stroke median", "all workers together"), ("stroke single", "each worker"))
        if len(workers) > 1
        else (),
        kind="work",
        name="time simulating",
    )
    return [when, work]


def when_says(trials: Sequence[Trial], began: datetime) -> str:
    """Who did how much in which time, and the longest wait."""
    _, spans = spans_of(trials)
    times = worker_times(trials)
    end = max(span.stop for span in spans)
    who = counted(len(times), "worker")
    fresh = sum(span.css == "fresh" for span in spans)
    included = f", {counted(fresh, 'confirmation')} included," if fresh else ""
    said = f"{who} finished {counted(len(spans), 'trial')}{included} within {duration(end)}"
    said += f" from {began:%Y-%m-%d %H:%M:%S} UTC"
    whole = sum(w.simulated for w in times)
    if len(times) > 1 and whole > 0:
        said += f"; the busiest did {100 * times[0].simulated / whole:.0f} % of the simulating"
    idle = longest_gap(spans)
    if idle > max(0.1 * end, 1.0):
        said += f"; for {duration(idle)} nothing ran"
    return f"{said}."


def longest_gap(spans: Sequence[Span]) -> float:
    """The longest time without any trial under way."""
    gap, reached = 0.0, 0.0
    for span in spans:
        gap, reached = max(gap, span.start - reached), max(reached, span.stop)
    return gap


def work_says(spans: Sequence[Span], end: float) -> str:
    """How many simulations ran at a time on average, and in the busiest quarter of the time."""
    whole = sum(span.simulated for span in spans)
    mean = fmt(float(f"{whole / end:.2g}"))
    said = f"{duration(whole)} of simulation in {duration(end)}: {mean} simulations at a time on average"
    steepest = max(sum(s.simulated for s in part) for part in _quarters(spans, end)) / (end / 4)
    return (
        f"{said}, {fmt(float(f'{steepest:.2g}'))} in the busiest quarter of the time (a trial counts when it finishes)."
    )


def _quarters(spans: Sequence[Span], end: float) -> list[list[Span]]:
    quarters: list[list[Span]] = [[], [], [], []]
    for span in spans:
        quarters[min(int(4 * span.stop / end), 3)].append(span)
    return quarters


def work_done(spans: Sequence[Span]) -> list[tuple[float, float]]:
    """(time, seconds simulated by the trials that finished until then), thinned."""
    points, done = [(0.0, 0.0)], 0.0
    for span in sorted(spans, key=lambda s: s.stop):
        done += span.simulated
        points.append((span.stop, done))
    return [points[i] for i in thinned(len(points), POINTS)]


def _unit(seconds: float) -> tuple[float, str]:
    if seconds > 3 * 3_600:
        return 3_600.0, "hours"
    return (60.0, "minutes") if seconds > 180 else (1.0, "seconds")


def _time_axis(frame: Frame, end: float, wanted: int) -> tuple[Scale, list[Tick], str]:
    unit, name = _unit(end)
    ticks = [Tick(tick.at * unit, tick.text) for tick in linear_ticks(0.0, end / unit, wanted)]
    return Scale(0.0, end, *frame.x_range), ticks, f"{name} since the first trial"


def _timeline(frame: Frame, spans: Sequence[Span], workers: Sequence[str], end: float, label: str) -> str:
    named = list(workers) if len(workers) <= WORKERS else [*workers[: WORKERS - 1], "all others"]
    frame = Frame(width=frame.width, height=26 + 38 + ROW * len(named), left=10, right=frame.right)
    x, ticks, name = _time_axis(frame, end, 8 if frame.width > 500 else 4)
    rows = {worker: min(i, len(named) - 1) for i, worker in enumerate(workers)}
    top = frame.top
    body = [text(frame.left, top + ROW * i + 6, _short(worker, frame.width), "tick") for i, worker in enumerate(named)]
    step = (ROW - 12) / LANES
    free: dict[int, list[float]] = {}
    by_css: dict[str, list[tuple[float, float, float]]] = {}
    for span in spans:
        row = rows[span.worker]
        lane = _lane(free.setdefault(row, [-math.inf] * LANES), span)
        start, stop = x(span.start), max(x(span.stop), x(span.start) + 0.7)
        by_css.setdefault(span.css, []).append((start, stop, top + ROW * row + 11 + step * lane))
    body += [segments(by_css[css], css) for css in ("median", "early", "fresh", "lost") if css in by_css]
    axes = Axes(x=x, y=Scale(0, 1, *frame.y_range), x_ticks=ticks, y_ticks=(), x_name=name, y_name="by worker")
    return picture(frame, axes, body, label)


def _lane(free: list[float], span: Span) -> int:
    """The first lane that is free, else the one that is free soonest."""
    lane = next((i for i, until in enumerate(free) if until <= span.start), free.index(min(free)))
    free[lane] = span.stop
    return lane


def _short(worker: str, width: float) -> str:
    most = int(width / 8)
    return worker if len(worker) <= most else f"{worker[: most - 1]}…"


def _work(frame: Frame, spans: Sequence[Span], workers: Sequence[str], end: float, label: str) -> str:
    everything = work_done(spans)
    unit, name = _unit(everything[-1][1])
    high = everything[-1][1] / unit * 1.05
    y_ticks = linear_ticks(0.0, high, 4)
    frame = fitted(Frame(width=frame.width, height=200), y_ticks)
    x, ticks, x_name = _time_axis(frame, end, 8 if frame.width > 500 else 4)
    y = Scale(0.0, high, *frame.y_range)
    shown = workers[:WORKERS] if len(workers) > 1 else ()
    lines = [(work_done([span for span in spans if span.worker == worker]), "single") for worker in shown]
    body = [
        line(((x(at), y(done / unit)) for at, done in [*points, (end, points[-1][1])]), css)
        for points, css in [*lines, (everything, "median")]
    ]
    axes = Axes(x=x, y=y, x_ticks=ticks, y_ticks=y_ticks, x_name=x_name, y_name=f"{name} simulated, by finished trials")
    return picture(frame, axes, body, label)
