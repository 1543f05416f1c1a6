"""The fit over the data: what was observed, and where the best set's simulations lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from modelops_runtime.contracts.dates import date_of
from modelops_runtime.contracts.wording import counted
from modelops_runtime.inference.series import Series, series_of
from modelops_runtime.inference.targets import TargetData
from modelops_runtime.results.report.figure import NARROW, PANEL, WIDE, Figure, Panel, fitted, named_ticks, thinned
from modelops_runtime.results.report.plot.scales import Scale, Tick, date_ticks, linear_ticks, padded
from modelops_runtime.results.report.plot.svg import Axes, Frame, band, bars, dots, line, picture
from modelops_runtime.statistics.array import Array

PANELS = 24
"""Groups that are drawn, of all targets together (at least one of each)."""

SINGLE_RUNS = 4

PLACES = 400
"""Places along an axis that are drawn, of all targets together (at least 60 of each)."""

PANEL_PLACES = 100

WIDE_BAND = 1.0
"""A band as wide as the values are large holds them whether the model is right or wrong."""


OBSERVED = ("dot observed", "observed")
SINGLES = ("stroke single", "single simulations")


class _About(TypedDict):
    legend: tuple[tuple[str, str], ...]
    note: str
    kind: str


def legend_of(target: TargetData, series: Sequence[Series]) -> tuple[tuple[str, str], ...]:
    """What is drawn of these: both bands by name, where there are two."""
    if not any(len(one.simulated) for one in series):
        return (OBSERVED,)
    legend = [
        OBSERVED,
        ("stroke median", "median of the simulations"),
        ("area half", "central 50 % of the simulations"),
        ("area wide", "central 90 % of the simulations"),
    ]
    if any(len(one.observable) for one in series):
        legend.append(("area noise", f"central 90 % with the noise of observation ({target.loss})"))
    return (*legend, SINGLES) if any(one.is_line for one in series) else tuple(legend)


def fit_figures(targets: Sequence[TargetData], values: Array, whose: str, seed: int = 0) -> list[Figure]:
    """A figure for each target. `values` [replicates, observations] are the best set's; `whose` says which runs they are.

    The noise of observation is drawn by `seed`: the same for the same one.
    """
    several = max(len(targets), 1)
    groups, places = max(1, PANELS // several), max(60, PLACES // several)
    return [fit_figure(target, values, whose, groups=groups, places=places, seed=seed) for target in targets]


def fit_figure(
    target: TargetData, values: Array, whose: str, *, groups: int = PANELS, places: int = PLACES, seed: int = 0
) -> Figure:
    """The fit of one target, by group where it has groups."""
    series = series_of(target, values[:, target.start : target.stop], seed)
    shown = series[:groups]
    says = fit_says(target, series, len(values), whose)
    if len(series) > groups:
        says += f" The first {groups} of {len(series)} groups are drawn."
    title = f"{target.name}: the fit over the data" if len(values) else f"{target.name}: the data"
    about: _About = {"legend": legend_of(target, shown), "note": without_noise(target, shown), "kind": "fit"}
    if len(series) == 1:
        wide, narrow = (draw_series(frame, target, shown[0], says, places) for frame in (WIDE, NARROW))
        return Figure(title=title, says=says, wide=wide, narrow=narrow, name=f"fit {target.name}", **about)
    panels = tuple(
        Panel(
            title=one.title,
            svg=draw_series(PANEL, target, one, f"{one.title}: {coverage_text(one)}", PANEL_PLACES),
            note=coverage_text(one),
        )
        for one in shown
    )
    return Figure(title=title, says=says, panels=panels, name=f"fit {target.name}", **about)


def fit_says(target: TargetData, series: Sequence[Series], replicates: int, whose: str) -> str:
    """How many observations lie inside the central 90 % of the runs, with the noise of observation where there is one."""
    if not replicates:
        return f"{counted(target.observed.size, 'observation')}; no set has completed, so there is no fit to show."
    if not target.has_unit:
        count = counted(target.observed.size, "observation")
        return (
            f"{count}; {target.not_stored}, so its probabilities cannot be shown as counts: `mops rescore` records it."
        )
    inside, judged = (sum(numbers) for numbers in zip(*(coverage(one) for one in series), strict=True))
    noisy = any(len(one.observable) for one in series)
    band = f"central 90 % of {whose}" + (f" with the noise of observation that {target.loss} supposes" if noisy else "")
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


def without_noise(target: TargetData, series: Sequence[Series]) -> str:
    """Why no band with the noise of observation is drawn of these simulations, if none is."""
    if not any(len(one.simulated) for one in series) or any(len(one.observable) for one in series):
        return ""
    if target.supposes_noise:
        why = target.not_stored or f"the values lie beyond what {target.loss} can be drawn for"
        return f"The noise of observation is not drawn: {why}."
    return f"The loss, {target.loss}, supposes no noise of observation: the bands are those of the simulations alone."


def coverage(series: Series, band: Array | None = None) -> tuple[int, int]:
    """(observations inside the `band` [2, n], observations that have a simulated value); the band is `expected` by default."""
    low, high = series.expected if band is None else band
    judged = np.isfinite(low) & np.isfinite(series.observed)
    inside = judged & (low <= series.observed) & (series.observed <= high)
    return int(inside.sum()), int(judged.sum())


def band_width(series: Sequence[Series]) -> float:
    """The mean width of the central 90 % over the mean size of what was observed; 0 where that is 0."""
    pairs = [(one.expected[1] - one.expected[0], np.abs(one.observed)) for one in series]
    widths, sizes = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    judged = np.isfinite(widths) & np.isfinite(sizes)
    size = float(sizes[judged].mean()) if judged.any() else 0.0
    return float(widths[judged].mean()) / size if size > 0 else 0.0


def coverage_text(series: Series) -> str:
    inside, judged = coverage(series)
    return f"{inside} of {judged} inside"


def draw_series(frame: Frame, target: TargetData, series: Series, label: str, places: int) -> str:
    """One group's data with the band of its simulations, at most about `places` places along its axis."""
    quantiles = series.quantiles
    drawn = [series.observed, *quantiles, *series.noise, *_singles(series)]
    finite = np.concatenate([values[np.isfinite(values)] for values in drawn])
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    low, high = padded(low, high) if low < 0 or low > 0.4 * high else (0.0, high * 1.05 or 1.0)
    y_ticks = linear_ticks(low, high)
    frame = fitted(frame, y_ticks)
    y = Scale(low, high, *frame.y_range)
    wanted = 8 if frame.width > 500 else 4
    x_low, x_high = float(series.x.min()), float(series.x.max())
    if series.names is not None or x_low == x_high:
        x_low, x_high = x_low - 0.5, x_high + 0.5
    x = Scale(x_low, x_high, frame.x_range[0] + 10, frame.x_range[1] - 10)
    axes = Axes(
        x=x,
        y=y,
        x_ticks=_x_ticks(series, x, wanted),
        y_ticks=y_ticks,
        x_name=_x_name(target, series),
        y_name=target.value,
    )
    seen = thinned(series.x.size, places)
    body = _lines(series, seen, x, y) if series.is_line else _bars(series, seen, x, y)
    body.append(dots([(x(float(series.x[i])), y(float(series.observed[i]))) for i in seen], "observed"))
    return picture(frame, axes, body, label)


def _x_name(target: TargetData, series: Series) -> str:
    name = target.on or "observation"
    if not series.dated:
        return name
    years = sorted({date_of(float(at)).year for at in (series.x.min(), series.x.max())})
    return f"{name}, {' to '.join(str(year) for year in years)}"


def _x_ticks(series: Series, x: Scale, wanted: int) -> Sequence[Tick]:
    if series.names is not None:
        return named_ticks(series.names, x.stop - x.start)
    if np.unique(series.x).size == 1:
        only = float(series.x[0])
        return [
            Tick(only, date_ticks(only, only + 1e-9)[0].text if series.dated and only.is_integer() else f"{only:g}")
        ]
    ticks = (date_ticks if series.dated else linear_ticks)(x.low, x.high, wanted)
    whole = bool(np.all(series.x == np.round(series.x)))
    return [tick for tick in ticks if not whole or series.dated or tick.at == round(tick.at)]


def _singles(series: Series) -> list[Array]:
    if not len(series.simulated) or not series.is_line:
        return []
    return [series.simulated[i] for i in thinned(len(series.simulated), SINGLE_RUNS)]


def _levels(series: Series, seen: Sequence[int], y: Scale) -> tuple[list[list[float]], list[list[float]]]:
    """(the quantiles of the simulations, the band with the noise of observation or nothing), as pixels."""
    noise = series.noise if len(series.observable) else ()
    simulated, observed = ([[y(float(row[i])) for i in seen] for row in rows] for rows in (series.quantiles, noise))
    return simulated, observed


def _lines(series: Series, seen: Sequence[int], x: Scale, y: Scale) -> list[str]:
    xs = [x(float(series.x[i])) for i in seen]
    q, noise = _levels(series, seen, y)
    body = [band(xs, noise[0], noise[1], "noise")] if noise else []
    body += [band(xs, q[0], q[4], "wide"), band(xs, q[1], q[3], "half")]
    for values in _singles(series):
        body.append(line(zip(xs, [y(float(values[i])) for i in seen], strict=True), "single"))
    body.append(line(zip(xs, q[2], strict=True), "median"))
    return body


def _bars(series: Series, seen: Sequence[int], x: Scale, y: Scale) -> list[str]:
    xs = [x(float(series.x[i])) for i in seen]
    q, noise = _levels(series, seen, y)
    room = (x.stop - x.start) / max(len(set(xs)), 1)
    width = min(26.0, max(4.0, 0.5 * room))
    middle = [
        line([(at - width / 2, level), (at + width / 2, level)], "median") for at, level in zip(xs, q[2], strict=True)
    ]
    with_noise = [bars(xs, noise[0], noise[1], width, "noise")] if noise else []
    return [*with_noise, bars(xs, q[0], q[4], width, "wide"), bars(xs, q[1], q[3], width, "half"), *middle]
