"""The data among what the best set predicts: PIT histograms beside what chance gives, coverage, the largest misfits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelops_runtime.contracts.wording import counted
from modelops_runtime.inference.fit_verdict import coverage_says, deviation_says
from modelops_runtime.inference.predictive_checks import Coverage, PitHistogram, PredictiveChecks, TargetCheck
from modelops_runtime.results.report.figure import Drawing, Figure, FigureData, PageSection, Panel
from modelops_runtime.results.report.plot.scales import AxisTick, Scale, whole_ticks
from modelops_runtime.results.report.plot.svg import PANEL, Axes, bars, fitted, picture, segments

PANELS = 12
"""Targets with a panel of their own."""

NAMED = 3
"""Observations outside their central 95 % that are named, of all targets."""

LEGEND = (
    ("area count", "observations, by their place among what is predicted for them"),
    ("area noise", "95 % of the data sets drawn from the best set, all bars at once"),
)


def draw(data: FigureData) -> list[Drawing]:
    checks = data.checks
    judged = [] if checks is None else [(one, one.pit) for one in checks.with_chance if one.pit is not None]
    if checks is None or not judged:
        return []
    panels = [_panel(check, pit, alone=len(judged) == 1) for check, pit in judged[:PANELS]]
    return [
        Drawing(
            title="The data among what the best set predicts",
            says=_says(checks, [check for check, _ in judged]),
            panels=tuple(panels),
            legend=LEGEND,
            note=_note(len(judged)),
            name="predictive",
        )
    ]


def _says(checks: PredictiveChecks, judged: Sequence[TargetCheck]) -> str:
    coverage = checks.together or judged[0].coverage
    said = f"Inside the central {_levels(coverage)}."
    outside = [(check, one) for check in judged for one in check.largest if one.is_outside]
    if not outside:
        return f"{said} The observations that are furthest off lie inside their central 95 %."
    where = [
        f"{check.target} at {deviation_says(one)}" if len(judged) > 1 else deviation_says(one) for check, one in outside
    ]
    return f"{said} Furthest outside 95 %: {'; '.join(where[:NAMED])}."


def _levels(coverage: Sequence[Coverage]) -> str:
    return ", ".join(f"{100 * one.level:.0f} %: {coverage_says(one)}" for one in coverage)


def _note(judged: int) -> str:
    text = "If the data are data of the model, the bars are about level. High outer bars: the data scatter more than is"
    text += " predicted; high inner bars: less; a slope: they lie to one side."
    return text if judged <= PANELS else f"{text} The first {PANELS} of {judged} targets are drawn."


def _panel(check: TargetCheck, pit: PitHistogram, *, alone: bool) -> Panel:
    note = counted(check.count, "observation") if alone else coverage_says(check.at(0.9)) + " inside 90 %"
    top = 1.05 * max(*pit.high, *pit.counts, 1)
    y_ticks = whole_ticks(0.0, top)
    frame = fitted(PANEL, y_ticks)
    x, y = Scale(0.0, 1.0, frame.x_range[0] + 6, frame.x_range[1] - 6), Scale(0.0, top, *frame.y_range)
    bins = len(pit.counts)
    middles = [x(at) for at in (np.arange(bins) + 0.5) / bins]
    width, base = x(1 / bins) - x(0.0), [y(0.0)] * bins
    level = check.count / bins
    body = [
        bars(middles, base, [y(count) for count in pit.counts], 0.72 * width, "count"),
        bars(middles, [y(low) for low in pit.low], [y(high) for high in pit.high], 0.94 * width, "noise"),
        segments([(x(0.0), x(1.0), y(level))], "axis"),
    ]
    ticks = [AxisTick(0.0, "lowest"), AxisTick(0.5, "median"), AxisTick(1.0, "highest")]
    axes = Axes(x=x, y=y, x_ticks=ticks, y_ticks=y_ticks, x_name="place among the draws (PIT)", y_name="observations")
    return Panel(
        title=check.target, note=note, svg=picture(frame, axes, body, f"{check.target}: {_levels(check.coverage)}")
    )


FIGURE = Figure(
    kind="predictive",
    section=PageSection.FIT,
    rank=15,
    draw=draw,
    css="svg .count { fill: var(--seen); fill-opacity: .8; }",
)
