"""When each worker's trials ran."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from modelops_runtime.contracts.wording import counted, duration
from modelops_runtime.ledger.base import Trial
from modelops_runtime.results.report.figure import Drawing, Figure, FigureData, PageSection
from modelops_runtime.results.report.plot.scales import Scale
from modelops_runtime.results.report.plot.svg import NARROW, WIDE, Axes, Frame, picture, segments, text
from modelops_runtime.results.report.spans import WORKERS, Span, spans_of, time_axis, worker_times

LANES = 6
"""How many overlapping trials of one worker are drawn above each other."""

ROW = 30.0

_LEGEND = (
    ("stroke median", "a trial, all its replicates"),
    ("stroke early", "stopped early"),
    ("stroke fresh", "a confirmation"),
    ("stroke lost", "failed"),
)


def draw(data: FigureData) -> list[Drawing]:
    drawing = draw_trials(data.run_data.trials)
    return [drawing] if drawing else []


def draw_trials(trials: Sequence[Trial]) -> Drawing | None:
    """A row for each worker; None while no trial has finished."""
    began, spans = spans_of(trials)
    end = max((span.stop for span in spans), default=0.0)
    if began is None or end <= 0:
        return None
    workers = [w.worker for w in worker_times(trials)]
    says = when_says(trials, began)
    drawn = {span.css for span in spans}
    return Drawing(
        title="When the trials ran",
        says=says,
        wide=_picture(WIDE, spans, workers, end, says),
        narrow=_picture(NARROW, spans, workers, end, says),
        legend=tuple(item for item in _LEGEND if item[0].removeprefix("stroke ") in drawn),
        name="trials by worker",
    )


def when_says(trials: Sequence[Trial], began: datetime) -> str:
    """How many workers finished how many trials in which time, and the longest pause."""
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
    """The longest time in which no trial ran, in seconds."""
    gap, reached = 0.0, 0.0
    for span in spans:
        gap, reached = max(gap, span.start - reached), max(reached, span.stop)
    return gap


def _picture(frame: Frame, spans: Sequence[Span], workers: Sequence[str], end: float, label: str) -> str:
    named = list(workers) if len(workers) <= WORKERS else [*workers[: WORKERS - 1], "all others"]
    frame = Frame(width=frame.width, height=26 + 38 + ROW * len(named), left=10, right=frame.right)
    x, ticks, name = time_axis(frame, end, 8 if frame.width > 500 else 4)
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
    """The first free lane, or the one that is free soonest."""
    lane = next((i for i, until in enumerate(free) if until <= span.start), free.index(min(free)))
    free[lane] = span.stop
    return lane


def _short(worker: str, width: float) -> str:
    most = int(width / 8)
    return worker if len(worker) <= most else f"{worker[: most - 1]}…"


FIGURE = Figure(
    kind="time",
    section=PageSection.TIME,
    rank=10,
    draw=draw,
    css="""
svg .early { stroke: var(--accent-soft); stroke-width: 2; }
svg .fresh { stroke: var(--seen); stroke-width: 2; }
svg .lost { stroke: var(--bad); stroke-width: 2; }
""",
)
