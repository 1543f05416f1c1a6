"""Pairs of searched parameters: which of them go together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from modelops_runtime.contracts.wording import counted, fmt
from modelops_runtime.inference.identifiability import spread
from modelops_runtime.inference.intervals import Intervals
from modelops_runtime.inference.ranking import best_tenth, ranked_by_loss
from modelops_runtime.inference.search_trials import search_trials
from modelops_runtime.inference.searched import Searched, searched_of
from modelops_runtime.ledger.base import Run, Trial
from modelops_runtime.results.report.figure import Drawing, Figure, FigureData, PageSection, Panel
from modelops_runtime.results.report.parameter_axis import axis_value, value_axis
from modelops_runtime.results.report.plot.scales import Scale, thinned
from modelops_runtime.results.report.plot.svg import Axes, Frame, diamond, dots, fitted, line, picture

PANELS = 15
"""How many pairs are drawn: all pairs of six parameters."""

MARKS = 900
"""How many dots a panel has at most."""

TOGETHER = 0.6
"""Correlation among the best sets from which on two parameters are said to go together."""

FRAME = Frame(width=340, height=260)

_LEGEND = (
    ("dot full", "the best tenth of the sets, ten at least"),
    ("dot raced", "the better half"),
    ("dot far", "the others"),
    ("stroke best", "what the data allow of both together (95 %)"),
    ("gem", "the best set"),
)


def draw(data: FigureData) -> list[Drawing]:
    drawing = draw_pairs(data.run_data.run, data.run_data.trials, data.best, data.intervals)
    return [drawing] if drawing else []


def draw_pairs(run: Run, trials: Sequence[Trial], best: Trial | None, found: Intervals) -> Drawing | None:
    """A panel for each pair of searched parameters; None for a single parameter and while no trial has completed."""
    history = search_trials(trials)
    parameters = searched_of(run, trials)
    ranked = ranked_by_loss((*history.full, *history.raced))
    if not ranked or len(parameters) < 2:
        return None
    pairs = chosen_pairs(parameters, history.full, found)
    panels = tuple(
        Panel(
            title=f"{a.name} and {b.name}", svg=_panel(a, b, ranked, best, found), note=_correlation_text(a, b, ranked)
        )
        for a, b in pairs
    )
    says = pairs_say(parameters, ranked[: _tenth(ranked)])
    everything = math.comb(len(parameters), 2)
    if len(pairs) < everything:
        says += f" {len(pairs)} of {everything} pairs are drawn, of the parameters that the best sets agree on most."
    regions = any(_region(a, b, found) for a, b in pairs)
    legend = tuple(item for item in _LEGEND if item[0] != "stroke best" or regions)
    return Drawing(title="Parameters against each other", says=says, panels=panels, legend=legend, name="pair")


def chosen_pairs(
    parameters: Sequence[Searched], full: Sequence[Trial], found: Intervals
) -> list[tuple[Searched, Searched]]:
    """All pairs, or those on ridges first and then those of the parameters that the best sets agree on most."""
    pairs = list(combinations(parameters, 2))
    if len(pairs) <= PANELS:
        return pairs
    top = best_tenth(full)
    narrow = {p.name: share for p in parameters if (share := spread(p, top)) is not None}
    ridges = [set(ridge.names) for ridge in found.ridges]

    def order(pair: tuple[Searched, Searched]) -> tuple[bool, float]:
        names = {pair[0].name, pair[1].name}
        return not any(names <= ridge for ridge in ridges), max(narrow.get(name, 1.0) for name in names)

    return sorted(pairs, key=order)[:PANELS]


def pairs_say(parameters: Sequence[Searched], top: Sequence[Trial]) -> str:
    """Which two parameters go together most in the best sets of this run."""
    found = [(r, a, b) for a, b in combinations(parameters, 2) if (r := correlation(a, b, top)) is not None]
    if not found:
        return f"{counted(len(top), 'set')}: too few, or too similar, to say which parameters go together."
    strongest, a, b = max(found, key=lambda item: abs(item[0]))
    if abs(strongest) < TOGETHER:
        largest = fmt(round(strongest, 2))
        return (
            f"In the {len(top)} best sets no two parameters go clearly together (the largest correlation is {largest})."
        )
    how = f"{a.name} and {b.name} rise together" if strongest > 0 else f"{b.name} falls where {a.name} rises"
    return f"In the {len(top)} best sets {how} (correlation {fmt(round(strongest, 2))}): the data tell them apart only in part."


def correlation(a: Searched, b: Searched, sets: Sequence[Trial]) -> float | None:
    """The correlation of two parameters, each as a share of its range; None for choices, unknown bounds and too few sets."""
    if a.low is None or b.low is None:
        return None
    pairs = [(_share(a, trial), _share(b, trial)) for trial in sets]
    values = np.array([pair for pair in pairs if None not in pair], dtype=np.float64)
    if len(values) < 8 or (values.std(axis=0) < 1e-12).any():
        return None
    return float(np.corrcoef(values[:, 0], values[:, 1])[0, 1])


def _share(parameter: Searched, trial: Trial) -> float | None:
    value = (trial.params or {}).get(parameter.name)
    return parameter.share(value) if isinstance(value, int | float) else None


def _tenth(ranked: Sequence[Trial]) -> int:
    """How many sets are called the best: a tenth, ten at least."""
    return max(10, len(ranked) // 10)


def _correlation_text(a: Searched, b: Searched, ranked: Sequence[Trial]) -> str:
    found = correlation(a, b, ranked[: _tenth(ranked)])
    return "" if found is None else f"correlation {fmt(round(found, 2))} in the best sets"


def _panel(a: Searched, b: Searched, ranked: Sequence[Trial], best: Trial | None, found: Intervals) -> str:
    low, high = FRAME.y_range
    y, y_ticks = value_axis(b, low - 6, high + 6)
    frame = fitted(FRAME, y_ticks)
    left, right = frame.x_range
    x, x_ticks = value_axis(a, left + 8, right - 8)
    tenth, half = _tenth(ranked), max(_tenth(ranked), len(ranked) // 2)
    groups = (("far", ranked[half:]), ("raced", ranked[tenth:half]), ("full", ranked[:tenth]))
    body = [dots(_points(a, b, part, x, y), css) for css, part in groups]
    if region := _region(a, b, found):
        body.append(line(((x.held(u), y.held(v)) for u, v in region), "best"))
    if best is not None:
        u, v = axis_value(a, best, jitter=False), axis_value(b, best, jitter=False)
        if u is not None and v is not None:
            values = best.params or {}
            title = f"trial {best.number}: {a.name} {fmt(values[a.name])}, {b.name} {fmt(values[b.name])}"
            body.append(diamond((x.held(u), y.held(v)), "gem", title))
    axes = Axes(x=x, y=y, x_ticks=x_ticks, y_ticks=y_ticks, x_name=a.name, y_name=b.name)
    return picture(frame, axes, body, f"{b.name} against {a.name}")


def _points(a: Searched, b: Searched, trials: Sequence[Trial], x: Scale, y: Scale) -> list[tuple[float, float]]:
    seen = [trials[i] for i in thinned(len(trials), MARKS)]
    places = [(axis_value(a, trial, jitter=True), axis_value(b, trial, jitter=True)) for trial in seen]
    return [(x.held(u), y.held(v)) for u, v in places if u is not None and v is not None]


def _region(a: Searched, b: Searched, found: Intervals) -> list[tuple[float, float]]:
    """The ellipse of value pairs that the data allow, with all other parameters free; empty if the surface has none."""
    names = [interval.name for interval in found.parameters]
    if not found.shape or found.joint is None or a.name not in names or b.name not in names:
        return []
    which = [names.index(a.name), names.index(b.name)]
    ends = [found.parameters[i].estimate for i in which]
    if ends[0] is None or ends[1] is None:
        return []
    a, b = found.axes[which[0]], found.axes[which[1]]
    spread_of_both = np.linalg.inv(np.array(found.shape))[np.ix_(which, which)]
    centre = np.array([a.share(ends[0]), b.share(ends[1])])
    angles = np.linspace(0, 2 * math.pi, 61)
    circle = np.stack([np.cos(angles), np.sin(angles)])
    points = centre[:, None] + math.sqrt(2 * found.joint) * np.linalg.cholesky(spread_of_both) @ circle
    held = np.clip(points, 0.0, 1.0)
    return [(a.value(float(u)), b.value(float(v))) for u, v in held.T]


FIGURE = Figure(
    kind="pairs",
    section=PageSection.PARAMETERS,
    rank=20,
    draw=draw,
    css="svg .far { stroke: var(--far); stroke-width: 3.2; }",
)
