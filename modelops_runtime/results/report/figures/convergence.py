"""Loss by trial: how the search went."""

from __future__ import annotations

import math
from collections.abc import Sequence

from modelops_runtime.contracts.wording import counted, fmt, plus_minus
from modelops_runtime.inference.ranking import Candidate, finalists
from modelops_runtime.inference.search_trials import SearchTrials, loss_of, search_trials
from modelops_runtime.ledger.base import Trial
from modelops_runtime.results.report.figure import Drawing, Figure, FigureData, PageSection
from modelops_runtime.results.report.loss_axis import LossAxis, above_text, loss_axis
from modelops_runtime.results.report.plot.scales import Scale, thinned, whole_ticks
from modelops_runtime.results.report.plot.svg import (
    MARKS,
    NARROW,
    WIDE,
    Axes,
    Frame,
    crosses,
    diamond,
    dots,
    fitted,
    line,
    picture,
    steps,
)

_LEGEND = (
    ("dot full", "a trial, all its replicates"),
    ("dot raced", "stopped early (its loss is an estimate)"),
    ("stroke best", "best so far"),
    ("gem", "confirmed on fresh seeds"),
    ("cross", "failed"),
)


def draw(data: FigureData) -> list[Drawing]:
    drawing = draw_convergence(data.run_data.trials, data.run_data.run.trials)
    return [drawing] if drawing else []


def draw_convergence(trials: Sequence[Trial], budget: int) -> Drawing | None:
    """None while no trial has completed."""
    history = search_trials(trials)
    if not history.losses:
        return None
    confirmed = [c for c in finalists(trials) if c.confirmed_loss is not None]
    says = convergence_says(history, budget)
    axis = loss_axis([*history.losses, *(c.confirmed_loss for c in confirmed if c.confirmed_loss is not None)])
    says += above_text(axis)
    wanted = ["dot full"] if history.full else []
    wanted += [
        css
        for css, there in zip(
            ("dot raced", "stroke best", "gem", "cross"),
            (history.raced, history.best, confirmed, history.failed),
            strict=True,
        )
        if there
    ]
    return Drawing(
        title="How the search went",
        says=says,
        wide=_picture(WIDE, history, confirmed, axis, says),
        narrow=_picture(NARROW, history, confirmed, axis, says),
        legend=tuple(_worded(item, confirmed) for item in _LEGEND if item[0] in wanted),
        name="convergence",
    )


def _worded(item: tuple[str, str], confirmed: Sequence[Candidate]) -> tuple[str, str]:
    """A line of the legend; it names the standard errors if a confirmed loss has one."""
    mark, words = item
    has_errors = mark == "gem" and any(candidate.confirmed_loss_se is not None for candidate in confirmed)
    return mark, f"{words}, ± 2 standard errors" if has_errors else words


def convergence_says(history: SearchTrials, budget: int) -> str:
    """When the best set was found, and how many sets were stopped early or failed."""
    others = []
    if history.raced:
        others.append(f"{counted(len(history.raced), 'set was', 'sets were')} stopped early")
    if history.failed:
        others.append(f"{len(history.failed):,} failed")
    tail = f"; {' and '.join(others)}." if others else "."
    if not history.best:
        return f"No set has run all its replicates yet, after {counted(history.finished, 'trial')}{tail}"
    number, last = history.best[-1].number, history.finished
    if last >= 20 and number >= 0.9 * last:
        start = f"The best loss was still improving at trial {number} of {last:,}: more trials may find better sets"
    elif last < budget:
        start = f"So far the best of {counted(last, 'trial')} (of {budget:,}) is trial {number}"
    else:
        start = f"The best loss stopped improving after trial {number} of {last:,}"
    return start + tail


def _picture(frame: Frame, history: SearchTrials, confirmed: Sequence[Candidate], axis: LossAxis, says: str) -> str:
    everything = (*history.full, *history.raced, *history.failed)
    last = max(trial.number for trial in everything)
    frame = fitted(frame, axis.ticks())
    x = Scale(-0.5, max(last, 1) + 0.5, frame.x_range[0] + 6, frame.x_range[1] - 4)
    y = axis.scale(frame)
    axes = Axes(
        x=x,
        y=y,
        x_ticks=whole_ticks(0, max(last, 1), 8 if frame.width > 500 else 4),
        y_ticks=axis.ticks(),
        x_name="trial",
        y_name="loss, logarithmic (lower is better)" if axis.log else "loss (lower is better)",
    )
    body = [
        dots(_points(history.raced, x, y), "raced"),
        dots(_points(history.full, x, y), "full"),
        steps([(x(t.number), y.held(loss_of(t))) for t in history.best], x(last), "best"),
        crosses([(x(t.number), frame.y_range[0] - 5) for t in history.failed[:MARKS]], "cross"),
    ]
    for candidate in reversed(confirmed):
        body += _confirmed(candidate, x, y)
    return picture(frame, axes, body, says)


def _points(trials: Sequence[Trial], x: Scale, y: Scale) -> list[tuple[float, float]]:
    return [(x(trials[i].number), y.held(loss_of(trials[i]))) for i in thinned(len(trials), MARKS)]


def _confirmed(candidate: Candidate, x: Scale, y: Scale) -> list[str]:
    loss, se, number = candidate.confirmed_loss, candidate.confirmed_loss_se, candidate.search.number
    if loss is None:
        return []
    at = x(number)
    parts: list[str] = []
    if se is not None and math.isfinite(se):
        parts.append(line([(at, y.held(loss - 2 * se)), (at, y.held(loss + 2 * se))], "whisker"))
    title = f"trial {number}: {plus_minus(loss, se)} on fresh seeds, {fmt(candidate.search.loss)} in the search"
    parts.append(diamond((at, y.held(loss)), "gem", title))
    return parts


FIGURE = Figure(
    kind="convergence",
    section=PageSection.SEARCH,
    rank=10,
    draw=draw,
    css="""
svg .cross { stroke: var(--bad); stroke-width: 1.3; }
svg .whisker { stroke: var(--seen); stroke-width: 1.6; }
""",
)
