"""Each searched parameter against the loss: what the data say about it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelops_runtime.contracts.wording import counted, fmt
from modelops_runtime.inference.identifiability import spread
from modelops_runtime.inference.ranking import best_tenth
from modelops_runtime.inference.search_trials import loss_of, search_trials
from modelops_runtime.inference.searched import Searched, searched_of
from modelops_runtime.ledger.base import Run, Trial
from modelops_runtime.results.report.figure import Drawing, Figure, FigureData, PageSection, Panel
from modelops_runtime.results.report.loss_axis import LossAxis, above_text, loss_axis
from modelops_runtime.results.report.parameter_axis import axis_value, value_axis
from modelops_runtime.results.report.plot.scales import Scale, thinned
from modelops_runtime.results.report.plot.svg import PANEL, Axes, diamond, dots, fitted, picture

MARKS = 1_500
"""How many dots a panel has at most."""

PANELS = 24

_LEGEND = (
    ("dot full", "a trial, all its replicates"),
    ("dot raced", "stopped early"),
    ("gem", "the best set"),
)


def draw(data: FigureData) -> list[Drawing]:
    drawing = draw_parameters(data.run_data.run, data.run_data.trials, data.best)
    return [drawing] if drawing else []


def draw_parameters(run: Run, trials: Sequence[Trial], best: Trial | None) -> Drawing | None:
    """A panel for each searched parameter; None while no trial has completed."""
    history = search_trials(trials)
    parameters = searched_of(run, trials)
    if not history.losses or not parameters:
        return None
    axis = loss_axis(history.losses)
    panels = tuple(
        Panel(
            title=parameter.name,
            svg=_panel(parameter, history.full, history.raced, best, axis),
            note=_range_text(parameter),
        )
        for parameter in parameters[:PANELS]
    )
    legend = tuple(item for item in _LEGEND if item[0] != "dot raced" or history.raced)
    return Drawing(
        title="Parameters against the loss",
        says=parameters_say(parameters, history.full) + above_text(axis),
        panels=panels,
        legend=legend,
        name="loss against",
    )


def parameters_say(parameters: Sequence[Searched], full: Sequence[Trial]) -> str:
    """How far the best tenth of the sets spreads over each range, and on which choices it agrees."""
    top = best_tenth(full)
    if len(top) < 5:
        ran = counted(len(full), "set")
        return f"{ran} ran all replicates: too few to say what the data say about each parameter."
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


def _panel(
    parameter: Searched, full: Sequence[Trial], raced: Sequence[Trial], best: Trial | None, axis: LossAxis
) -> str:
    frame = fitted(PANEL, axis.ticks())
    y = axis.scale(frame)
    left, right = frame.x_range
    x, ticks = value_axis(parameter, left + 8, right - 8)
    body = [dots(_points(parameter, raced, x, y), "raced"), dots(_points(parameter, full, x, y), "full")]
    if best is not None and (at := axis_value(parameter, best, jitter=False)) is not None:
        value = (best.params or {})[parameter.name]
        body.append(
            diamond((x.held(at), y.held(loss_of(best))), "gem", f"trial {best.number}: {parameter.name} {fmt(value)}")
        )
    name = "loss, logarithmic" if axis.log else "loss"
    axes = Axes(x=x, y=y, x_ticks=ticks, y_ticks=axis.ticks(), x_name=parameter.name, y_name=name)
    return picture(frame, axes, body, f"Loss against {parameter.name}")


def _points(parameter: Searched, trials: Sequence[Trial], x: Scale, y: Scale) -> list[tuple[float, float]]:
    chosen = _chosen(trials)
    places = [(axis_value(parameter, trial, jitter=True), trial) for trial in chosen]
    return [(x.held(at), y.held(loss_of(trial))) for at, trial in places if at is not None]


def _chosen(trials: Sequence[Trial]) -> list[Trial]:
    """All trials, or MARKS of them: half are the best ones, half an even selection of the others."""
    if len(trials) <= MARKS:
        return list(trials)
    limit = np.quantile([loss_of(trial) for trial in trials], MARKS / 2 / len(trials))
    good = [trial for trial in trials if loss_of(trial) <= limit][: MARKS // 2]
    rest = [trial for trial in trials if loss_of(trial) > limit]
    return good + [rest[i] for i in thinned(len(rest), MARKS // 2)]


FIGURE = Figure(kind="parameters", section=PageSection.PARAMETERS, rank=10, draw=draw)
