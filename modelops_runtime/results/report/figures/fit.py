"""The fit over the data: what was observed, and where the best set's simulations lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from modelops_runtime.contracts.wording import counted
from modelops_runtime.inference.series import Series, series_of
from modelops_runtime.inference.targets import TargetData, targets_of
from modelops_runtime.results.report.figure import Drawing, Figure, FigureData, PageSection, Panel
from modelops_runtime.results.report.fit_panels import (
    PANEL_PLACES,
    coverage,
    draw_series,
    legend_of,
    runs_of_best,
    without_noise,
)
from modelops_runtime.results.report.plot.svg import NARROW, PANEL, WIDE
from modelops_runtime.statistics.array import Array

PANELS = 24
"""How many groups are drawn, over all targets (at least one of each)."""

PLACES = 400
"""How many places along an axis are drawn, over all targets (at least 60 of each)."""

WIDE_BAND = 1.0
"""Relative width from which on a band holds the values whether the model is right or wrong."""


def draw(data: FigureData) -> list[Drawing]:
    targets = targets_of(data.run_data.run)
    best = next(iter(runs_of_best(data.run_data, targets)), None)
    if best is None:
        return draw_targets(targets, np.empty((0, max((target.stop for target in targets), default=0))), "")
    at_best = [target.at(best.nuisance) for target in targets]
    return draw_targets(at_best, best.values, best.whose, best.candidate.search.number)


def draw_targets(targets: Sequence[TargetData], values: Array, whose: str, seed: int = 0) -> list[Drawing]:
    """A drawing for each target. `values` [replicates, observations] are the best set's; `whose` says which runs they are.

    The observation noise is drawn from `seed`.
    """
    several = max(len(targets), 1)
    groups, places = max(1, PANELS // several), max(60, PLACES // several)
    return [draw_target(target, values, whose, groups=groups, places=places, seed=seed) for target in targets]


def draw_target(
    target: TargetData, values: Array, whose: str, *, groups: int = PANELS, places: int = PLACES, seed: int = 0
) -> Drawing:
    """The fit of one target, with a panel for each group if it has groups."""
    series = series_of(target, values[:, target.start : target.stop], seed)
    drawn = series[:groups]
    says = fit_says(target, series, len(values), whose)
    if len(series) > groups:
        says += f" The first {groups} of {len(series)} groups are drawn."
    title = f"{target.name}: the fit over the data" if len(values) else f"{target.name}: the data"
    drawing = Drawing(
        title=title,
        says=says,
        legend=legend_of(target, drawn),
        note=without_noise(target, drawn),
        name=f"fit {target.name}",
    )
    if len(series) == 1:
        wide, narrow = (draw_series(frame, target, drawn[0], says, places) for frame in (WIDE, NARROW))
        return replace(drawing, wide=wide, narrow=narrow)
    panels = tuple(
        Panel(
            title=one.title,
            svg=draw_series(PANEL, target, one, f"{one.title}: {coverage_text(one)}", PANEL_PLACES),
            note=coverage_text(one),
        )
        for one in drawn
    )
    return replace(drawing, panels=panels)


def fit_says(target: TargetData, series: Sequence[Series], replicates: int, whose: str) -> str:
    """How many observations lie inside the central 90 % of the runs, with observation noise where the loss has it."""
    if not replicates:
        return f"{counted(target.observed.size, 'observation')}; no set has completed, so there is no fit to show."
    if not target.has_unit:
        count = counted(target.observed.size, "observation")
        return (
            f"{count}; {target.not_stored}, so its probabilities cannot be shown as counts: `mops rescore` records it."
        )
    inside, judged = (sum(numbers) for numbers in zip(*(coverage(one) for one in series), strict=True))
    noisy = any(len(one.observable) for one in series)
    band = f"central 90 % of {whose}" + (f" with the observation noise that {target.loss} assumes" if noisy else "")
    start = f"{inside} of {judged} observed values lie inside the {band}"
    if judged == 1:
        start = f"The one observed value lies {'inside' if inside else 'outside'} the {band}"
    elif noisy:
        alone = sum(coverage(one, one.quantiles[[0, 4]])[0] for one in series)
        start += f" ({alone} inside that of the simulations alone)"
    if judged >= 10 and inside < 0.7 * judged:
        start += ": the model does not reach all of the data"
    elif judged >= 5 and inside >= 0.9 * judged and (wide := band_width(series)) >= WIDE_BAND:
        start += f", which says little: the band is {wide:.1f} times as wide as the values are large"
    if target.left_out:
        start += f"; {counted(target.left_out, 'observation was', 'observations were')} missing in the data"
    unmatched = target.observed.size - judged
    if unmatched > 0:
        start += f"; {counted(unmatched, 'observation has', 'observations have')} no simulated value"
    return start + "."


def band_width(series: Sequence[Series]) -> float:
    """The mean width of the central 90 % divided by the mean size of the observed values; 0 if these are 0."""
    pairs = [(one.expected[1] - one.expected[0], np.abs(one.observed)) for one in series]
    widths, sizes = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    judged = np.isfinite(widths) & np.isfinite(sizes)
    size = float(sizes[judged].mean()) if judged.any() else 0.0
    return float(widths[judged].mean()) / size if size > 0 else 0.0


def coverage_text(series: Series) -> str:
    inside, judged = coverage(series)
    return f"{inside} of {judged} inside"


FIGURE = Figure(kind="fit", section=PageSection.FIT, rank=10, draw=draw)
