"""Each searched parameter against the loss: what the data say about it."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np

from modelops_runtime.contracts.wording import counted, fmt
from modelops_runtime.inference.history import history_of, loss_of
from modelops_runtime.inference.identifiability import spread
from modelops_runtime.inference.ranking import best_tenth
from modelops_runtime.inference.searched import Searched, searched_of
from modelops_runtime.ledger.base import Run, Trial
from modelops_runtime.results.report.figure import (
    PANEL,
    Figure,
    LossAxis,
    Panel,
    above_text,
    fitted,
    loss_axis,
    named_ticks,
    thinned,
)
from modelops_runtime.results.report.plot.scales import Scale, Tick, linear_ticks, log_ticks, padded
from modelops_runtime.results.report.plot.svg import Axes, diamond, dots, picture

MARKS = 1_500
"""Dots of one panel."""

PANELS = 24

_LEGEND = (
    ("dot full", "a trial, all its replicates"),
    ("dot raced", "stopped early"),
    ("gem", "the best set"),
)


def parameter_figure(run: Run, trials: Sequence[Trial], best: Trial | None) -> Figure | None:
    """A panel for each searched parameter; None while no trial has completed."""
    history = history_of(trials)
    parameters = searched_of(run, trials)
    if not history.losses or not parameters:
        return None
    axis = loss_axis(history.losses)
    panels = tuple(
        Panel(
            title=parameter.name,
            svg=_draw(parameter, history.full, history.raced, best, axis),
            note=_range_text(parameter),
        )
        for parameter in parameters[:PANELS]
    )
    legend = tuple(item for item in _LEGEND if item[0] != "dot raced" or history.raced)
    return Figure(
        title="Parameters against the loss",
        says=parameters_say(parameters, history.full) + above_text(axis),
        panels=panels,
        legend=legend,
        kind="parameters",
        name="loss against",
    )


def parameters_say(parameters: Sequence[Searched], full: Sequence[Trial]) -> str:
    """How far the best tenth of the sets spreads over each range, and on which choices it agrees."""
    top = best_tenth(full)
    if len(top) < 5:
        ran = counted(len(full), "set")
        return f"{ran} ran all replicates: too few to say what the data tell of each parameter."
    shares = [(share, p) for p in parameters if (share := spread(p, top)) is not None]
    ranges = [_spread_text(p, share, top) for share, p in sorted(shares, key=lambda item: item[0])[:3]]
    words = [f"The {len(top)} best sets have {', '.join(ranges)}."] if ranges else []
    words += [text for parameter in parameters if (text := _choice_text(parameter, top))]
    return " ".join(words) or f"The {len(top)} best sets agree on no choice, so the data do not tell the choices apart."


def _spread_text(parameter: Searched, share: float, top: Sequence[Trial]) -> str:
    values = [v for t in top if isinstance(v := (t.params or {}).get(parameter.name), int | float)]
    return f"{parameter.name} between {fmt(min(values))} and {fmt(max(values))} ({100 * share:.0f} % of its range)"


def _choice_text(parameter: Searched, top: Sequence[Trial]) -> str:
    """Which choice most of the best sets agree on, if they do."""
    if not parameter.choices:
        return ""
    chosen = [(t.params or {}).get(parameter.name) for t in top]
    winner = max(parameter.choices, key=chosen.count)
    count = chosen.count(winner)
    return (
        f"{parameter.name} is {fmt(winner)} in {count} of the {len(top)} best sets." if count >= 0.7 * len(top) else ""
    )


def _range_text(parameter: Searched) -> str:
    if parameter.choices:
        return f"{len(parameter.choices)} choices"
    if not parameter.is_known:
        return "bounds not known"
    scale = "" if parameter.scale == "linear" else f", {parameter.scale}"
    return f"{fmt(parameter.low)} to {fmt(parameter.high)}{scale}"


def _draw(
    parameter: Searched, full: Sequence[Trial], raced: Sequence[Trial], best: Trial | None, axis: LossAxis
) -> str:
    frame = fitted(PANEL, axis.ticks())
    y = axis.scale(frame)
    left, right = frame.x_range
    x, ticks = value_axis(parameter, left + 8, right - 8)
    body = [dots(_points(parameter, raced, x, y), "raced"), dots(_points(parameter, full, x, y), "full")]
    if best is not None and (at := place(parameter, best, jitter=False)) is not None:
        value = (best.params or {})[parameter.name]
        body.append(
            diamond((x.held(at), y.held(loss_of(best))), "gem", f"trial {best.number}: {parameter.name} {fmt(value)}")
        )
    name = "loss, logarithmic" if axis.log else "loss"
    axes = Axes(x=x, y=y, x_ticks=ticks, y_ticks=axis.ticks(), x_name=parameter.name, y_name=name)
    return picture(frame, axes, body, f"Loss against {parameter.name}")


def value_axis(parameter: Searched, start: float, stop: float) -> tuple[Scale, Sequence[Tick]]:
    """The axis of a parameter's values over the pixels from `start` to `stop`."""
    if parameter.names:
        names = [fmt(name) for name in parameter.names]
        return Scale(-0.5, len(names) - 0.5, start, stop), named_ticks(names, stop - start)
    low, high = parameter.axis
    if parameter.scale == "log" and low > 0 and high > low:
        return Scale(low, high, start, stop, log=True), log_ticks(low, high, 4)
    low, high = (low, high) if high > low else padded(low, high)
    return Scale(low, high, start, stop), linear_ticks(low, high, 4)


def _points(parameter: Searched, trials: Sequence[Trial], x: Scale, y: Scale) -> list[tuple[float, float]]:
    chosen = _chosen(trials)
    places = [(place(parameter, trial, jitter=True), trial) for trial in chosen]
    return [(x.held(at), y.held(loss_of(trial))) for at, trial in places if at is not None]


def _chosen(trials: Sequence[Trial]) -> list[Trial]:
    """All, or the best half of the room and an even selection of the others."""
    if len(trials) <= MARKS:
        return list(trials)
    limit = np.quantile([loss_of(trial) for trial in trials], MARKS / 2 / len(trials))
    good = [trial for trial in trials if loss_of(trial) <= limit][: MARKS // 2]
    rest = [trial for trial in trials if loss_of(trial) > limit]
    return good + [rest[i] for i in thinned(len(rest), MARKS // 2)]


def place(parameter: Searched, trial: Trial, *, jitter: bool) -> float | None:
    """Where a trial lies on `value_axis`; None when it has no such value. Choices are spread sideways with `jitter`."""
    value = (trial.params or {}).get(parameter.name)
    if value is None:
        return None
    if not parameter.names:
        return float(value) if isinstance(value, int | float) else None
    index = next((i for i, c in enumerate(parameter.names) if c == value and type(c) is type(value)), None)
    if index is None:
        return None
    # Spread sideways by the trial's number: equal every time, so that a report can be compared with another.
    return index + ((crc32(str(trial.number).encode()) % 1000) / 1000 - 0.5) * 0.5 * jitter
