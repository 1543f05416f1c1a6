"""The sets next to the best over the data: do they fit as well as the best?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from modelops_runtime.contracts.wording import counted, fmt
from modelops_runtime.inference.run_data import Runs
from modelops_runtime.inference.searched import listed
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
from modelops_runtime.results.report.plot.svg import PANEL

ALIKE = 0.1
"""Mean distance of a set's bands from those of the best, as a share of the central 90 %, up to which it is not drawn."""

PANELS = 12
"""How many panels of one target are drawn: sets times groups."""


def draw(data: FigureData) -> list[Drawing]:
    targets = targets_of(data.run_data.run)
    sets = runs_of_best(data.run_data, targets)
    return draw_targets(targets, sets[1:], sets[0]) if sets else []


def draw_targets(targets: Sequence[TargetData], others: Sequence[Runs], best: Runs) -> list[Drawing]:
    """A drawing for each target with a panel for each of the `others`; none if there are no others."""
    drawn = [runs for runs in others if len(runs.values)]
    if not drawn or not len(best.values):
        return []
    return [_drawing(target, drawn, best) for target in targets if target.has_unit]


def _drawing(target: TargetData, others: Sequence[Runs], best: Runs) -> Drawing:
    """A panel for each set that looks different from the best, or for the one that does most."""
    distances = _distances(target, others, best)
    different = [runs for runs, distance in zip(others, distances, strict=True) if distance > ALIKE]
    different = different or [others[int(np.argmax(distances))]]
    panels: list[Panel] = []
    drawn: list[Series] = []
    groups = 0
    for runs in different:
        series = _series(target, runs)
        groups = len(series)
        drawn += series[: max(1, PANELS // len(different))]
        for one in series[: max(1, PANELS // len(different))]:
            title = f"trial {runs.candidate.search.number}" + (f", {one.title}" if one.title else "")
            inside, judged = coverage(one)
            note = f"loss {_loss(runs)}; {inside} of {judged} inside"
            panels.append(
                Panel(title=title, note=note, svg=draw_series(PANEL, target, one, f"{title}: {note}", PANEL_PLACES))
            )
    says = _says(target, others, best)
    if alike := [str(runs.candidate.search.number) for runs in others if runs not in different]:
        lie = f"Trials {listed(alike)} lie" if len(alike) > 1 else f"Trial {alike[0]} lies"
        says += f" {lie} all but where the best set does, and {'are' if len(alike) > 1 else 'is'} not drawn."
    if len(panels) < groups * len(different):
        says += f" The first {len(panels) // len(different)} of {groups} groups are drawn."
    return Drawing(
        title=f"{target.name}: the sets next to the best",
        says=says,
        panels=tuple(panels),
        legend=legend_of(target, drawn),
        note=without_noise(target, drawn),
        name=f"next {target.name}",
    )


def _distances(target: TargetData, others: Sequence[Runs], best: Runs) -> list[float]:
    """How far the bands of each set lie from those of the best; infinite where the best has no width and they differ."""
    middle = np.concatenate([one.quantiles for one in _series(target, best)], axis=1)
    width = float(np.nanmean(middle[4] - middle[0])) if np.isfinite(middle).any() else 0.0
    found: list[float] = []
    for runs in others:
        gaps = np.abs(np.concatenate([one.quantiles for one in _series(target, runs)], axis=1) - middle)
        gap = float(np.nanmean(gaps)) if np.isfinite(gaps).any() else math.inf
        found.append(gap / width if width > 0 else math.inf if gap else 0.0)
    return found


def _series(target: TargetData, runs: Runs) -> list[Series]:
    values = runs.values[:, target.start : target.stop]
    return series_of(target.at(runs.nuisance), values, runs.candidate.search.number)


def _says(target: TargetData, others: Sequence[Runs], best: Runs) -> str:
    """How many observations lie inside the central 90 % of the best set and of the others."""
    counts = [_inside(target, runs) for runs in others]
    inside, judged = _inside(target, best)
    numbers = listed([str(runs.candidate.search.number) for runs in others])
    values = listed([str(count) for count, _ in counts])
    said = f"Of {counted(judged, 'observed value')}, {inside} lie inside the central 90 % of the best set,"
    said += f" and {values} inside that of trial{'s' if len(others) > 1 else ''} {numbers}."
    if judged and max(abs(count - inside) for count, _ in counts) <= max(1, 0.1 * judged):
        said += " By this count they fit equally well."
    return said


def _inside(target: TargetData, runs: Runs) -> tuple[int, int]:
    found = [coverage(one) for one in _series(target, runs)]
    return sum(inside for inside, _ in found), sum(judged for _, judged in found)


def _loss(runs: Runs) -> str:
    confirmed = runs.candidate.confirmed_loss
    return fmt(confirmed if confirmed is not None else runs.candidate.search.loss)


FIGURE = Figure(kind="near-best", section=PageSection.FIT, rank=20, draw=draw)
