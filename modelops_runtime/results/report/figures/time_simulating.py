"""How much time was spent simulating, over the time of the run."""

from __future__ import annotations

from collections.abc import Sequence

from modelops_runtime.contracts.wording import duration, fmt
from modelops_runtime.ledger.base import Trial
from modelops_runtime.results.report.figure import Drawing, Figure, FigureData, PageSection
from modelops_runtime.results.report.plot.scales import Scale, linear_ticks, thinned
from modelops_runtime.results.report.plot.svg import NARROW, WIDE, Axes, Frame, fitted, line, picture
from modelops_runtime.results.report.spans import WORKERS, Span, spans_of, time_axis, unit_of, worker_times

POINTS = 300
"""How many points a line has at most."""


def draw(data: FigureData) -> list[Drawing]:
    drawing = draw_simulating(data.run_data.trials)
    return [drawing] if drawing else []


def draw_simulating(trials: Sequence[Trial]) -> Drawing | None:
    """A line for all workers together and one for each; None while nothing was simulated."""
    _, spans = spans_of(trials)
    end = max((span.stop for span in spans), default=0.0)
    if end <= 0 or not any(span.simulated > 0 for span in spans):
        return None
    workers = [w.worker for w in worker_times(trials)]
    says = work_says(spans, end)
    several = (("stroke median", "all workers together"), ("stroke single", "each worker"))
    return Drawing(
        title="Time spent simulating",
        says=says,
        wide=_picture(WIDE, spans, workers, end, says),
        narrow=_picture(NARROW, spans, workers, end, says),
        legend=several if len(workers) > 1 else (),
        name="time simulating",
    )


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


def _picture(frame: Frame, spans: Sequence[Span], workers: Sequence[str], end: float, label: str) -> str:
    everything = work_done(spans)
    unit, name = unit_of(everything[-1][1])
    high = everything[-1][1] / unit * 1.05
    y_ticks = linear_ticks(0.0, high, 4)
    frame = fitted(Frame(width=frame.width, height=200), y_ticks)
    x, ticks, x_name = time_axis(frame, end, 8 if frame.width > 500 else 4)
    y = Scale(0.0, high, *frame.y_range)
    named = workers[:WORKERS] if len(workers) > 1 else ()
    lines = [(work_done([span for span in spans if span.worker == worker]), "single") for worker in named]
    body = [
        line(((x(at), y(done / unit)) for at, done in [*points, (end, points[-1][1])]), css)
        for points, css in [*lines, (everything, "median")]
    ]
    axes = Axes(x=x, y=y, x_ticks=ticks, y_ticks=y_ticks, x_name=x_name, y_name=f"{name} simulated, by finished trials")
    return picture(frame, axes, body, label)


FIGURE = Figure(kind="work", section=PageSection.TIME, rank=20, draw=draw)
