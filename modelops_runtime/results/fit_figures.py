"""The fit over the data: what was observed, and where the best set's simulations lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from modelops_runtime.results.figures import NARROW, PANEL, WIDE, Figure, Panel, counted, fitted, named_ticks, thinned
from modelops_runtime.results.scales import Scale, Tick, date_of, date_ticks, days, linear_ticks, padded
from modelops_runtime.results.svg import Axes, Frame, band, bars, dots, line, picture
from modelops_runtime.results.targets import Key, TargetData

PANELS = 24
"""Groups that are drawn, of all targets together (at least one of each)."""

SINGLE_RUNS = 4

PLACES = 400
"""Places along an axis that are drawn, of all targets together (at least 60 of each)."""

PANEL_PLACES = 100

WIDE_BAND = 1.0
"""A band as wide as the values are large holds them whether the model is right or wrong."""

Values = NDArray[np.float64]

LEGEND = (
    ("dot observed", "observed"),
    ("stroke median", "median of the simulations"),
    ("area half", "central 50 %"),
    ("area wide", "central 90 %"),
    ("stroke single", "single simulations"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One group of a target along its axis, sorted: x and observed [n], simulated [replicates, n]."""

    title: str
    x: Values
    names: tuple[str, ...] | None
    """For an axis of names, at 0, 1, ...; None: a number line."""
    dated: bool
    observed: Values
    simulated: Values

    @property
    def quantiles(self) -> Values:
        """5 %, 25 %, 50 %, 75 % and 95 % of the replicates, [5, n]; NaN where nothing was matched."""
        found = np.full((5, self.observed.size), np.nan)
        there = np.isfinite(self.simulated).any(axis=0)
        if there.any():
            found[:, there] = np.nanquantile(self.simulated[:, there], (0.05, 0.25, 0.5, 0.75, 0.95), axis=0)
        return found

    @property
    def is_line(self) -> bool:
        """Whether its x is a continuum along which lines make sense."""
        return self.names is None and np.unique(self.x).size == self.x.size > 1


def fit_figures(targets: Sequence[TargetData], values: Values, whose: str) -> list[Figure]:
    """A figure for each target. `values` [replicates, observations] are the best set's; `whose` says which runs they are."""
    several = max(len(targets), 1)
    groups, places = max(1, PANELS // several), max(60, PLACES // several)
    return [fit_figure(target, values, whose, groups=groups, places=places) for target in targets]


def fit_figure(target: TargetData, values: Values, whose: str, *, groups: int = PANELS, places: int = PLACES) -> Figure:
    """The fit of one target, by group where it has groups."""
    series = series_of(target, values[:, target.start : target.stop])
    shown = series[:groups]
    says = fit_says(target, series, len(values), whose)
    if len(series) > groups:
        says += f" The first {groups} of {len(series)} groups are drawn."
    title = f"{target.name}: the fit over the data" if len(values) else f"{target.name}: the data"
    legend = LEGEND if any(one.is_line for one in shown) else LEGEND[:4]
    if not len(values):
        legend = LEGEND[:1]
    if len(series) == 1:
        wide, narrow = (draw_series(frame, target, shown[0], says, places) for frame in (WIDE, NARROW))
        return Figure(
            title=title, says=says, wide=wide, narrow=narrow, legend=legend, kind="fit", name=f"fit {target.name}"
        )
    panels = tuple(
        Panel(
            title=one.title,
            svg=draw_series(PANEL, target, one, f"{one.title}: {coverage_text(one)}", PANEL_PLACES),
            note=coverage_text(one),
        )
        for one in shown
    )
    return Figure(title=title, says=says, panels=panels, legend=legend, kind="fit", name=f"fit {target.name}")


def fit_says(target: TargetData, series: Sequence[Series], replicates: int, whose: str) -> str:
    """How many observations lie inside the central 90 % of the runs."""
    if not replicates:
        return f"{counted(target.observed.size, 'observation')}; no set has completed, so there is no fit to show."
    inside, judged = (sum(numbers) for numbers in zip(*(coverage(one) for one in series), strict=True))
    start = f"{inside} of {judged} observed values lie inside the central 90 % of {whose}"
    if judged == 1:
        start = f"The one observed value lies {'inside' if inside else 'outside'} the central 90 % of {whose}"
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


def coverage(series: Series) -> tuple[int, int]:
    """(observations inside the central 90 %, observations that have a simulated value)."""
    low, high = series.quantiles[0], series.quantiles[4]
    judged = np.isfinite(low) & np.isfinite(series.observed)
    inside = judged & (low <= series.observed) & (series.observed <= high)
    return int(inside.sum()), int(judged.sum())


def band_width(series: Sequence[Series]) -> float:
    """The mean width of the central 90 % over the mean size of what was observed; 0 where that is 0."""
    pairs = [(one.quantiles[4] - one.quantiles[0], np.abs(one.observed)) for one in series]
    widths, sizes = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    judged = np.isfinite(widths) & np.isfinite(sizes)
    size = float(sizes[judged].mean()) if judged.any() else 0.0
    return float(widths[judged].mean()) / size if size > 0 else 0.0


def coverage_text(series: Series) -> str:
    inside, judged = coverage(series)
    return f"{inside} of {judged} inside"


def series_of(target: TargetData, values: Values) -> list[Series]:
    """The target's observations by group, each in the order of its axis. `values` [replicates, observations of it]."""
    groups: dict[tuple[Key, ...], list[int]] = {}
    columns = [target.keys[name] for name in target.by]
    for index in range(target.observed.size):
        groups.setdefault(tuple(column[index] for column in columns), []).append(index)
    on = list(target.keys[target.on]) if target.on else list(range(target.observed.size))
    found: list[Series] = []
    for group, members in groups.items():
        title = ", ".join(f"{name} {value}" for name, value in zip(target.by, group, strict=True))
        x, names, dated = _positions([on[i] for i in members])
        order = np.argsort(x, kind="stable")
        index = np.array(members)[order]
        found.append(
            Series(
                title=title,
                x=x[order],
                names=names,
                dated=dated,
                observed=target.observed[index],
                simulated=values[:, index] if len(values) else np.empty((0, len(index))),
            )
        )
    return found


def _positions(keys: Sequence[Key]) -> tuple[Values, tuple[str, ...] | None, bool]:
    if all(isinstance(key, date) for key in keys):
        return np.array([days(key) for key in keys if isinstance(key, date | datetime)]), None, True
    if all(isinstance(key, int | float) and not isinstance(key, bool) for key in keys):
        return np.array(keys, dtype=np.float64), None, False
    names = list(dict.fromkeys(str(key) for key in keys))
    x = np.array([names.index(str(key)) for key in keys], dtype=np.float64)
    return x, tuple(names), False


def draw_series(frame: Frame, target: TargetData, series: Series, label: str, places: int) -> str:
    """One group's data with the band of its simulations, at most about `places` places along its axis."""
    quantiles = series.quantiles
    drawn = [series.observed, *quantiles, *_singles(series)]
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
    body = _lines(series, seen, quantiles, x, y) if series.is_line else _bars(series, seen, quantiles, x, y)
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


def _singles(series: Series) -> list[Values]:
    if not len(series.simulated) or not series.is_line:
        return []
    return [series.simulated[i] for i in thinned(len(series.simulated), SINGLE_RUNS)]


def _lines(series: Series, seen: Sequence[int], quantiles: Values, x: Scale, y: Scale) -> list[str]:
    xs = [x(float(series.x[i])) for i in seen]
    q = [[y(float(row[i])) for i in seen] for row in quantiles]
    body = [band(xs, q[0], q[4], "wide"), band(xs, q[1], q[3], "half")]
    for values in _singles(series):
        body.append(line(zip(xs, [y(float(values[i])) for i in seen], strict=True), "single"))
    body.append(line(zip(xs, q[2], strict=True), "median"))
    return body


def _bars(series: Series, seen: Sequence[int], quantiles: Values, x: Scale, y: Scale) -> list[str]:
    xs = [x(float(series.x[i])) for i in seen]
    q = [[y(float(row[i])) for i in seen] for row in quantiles]
    room = (x.stop - x.start) / max(len(set(xs)), 1)
    width = min(26.0, max(4.0, 0.5 * room))
    middle = [
        line([(at - width / 2, level), (at + width / 2, level)], "median") for at, level in zip(xs, q[2], strict=True)
    ]
    return [bars(xs, q[0], q[4], width, "wide"), bars(xs, q[1], q[3], width, "half"), *middle]
