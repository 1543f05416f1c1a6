"""How a set's simulations are drawn over the data, and what is counted there: for the fit and for the sets next to the best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelops_runtime.contracts.dates import date_of
from modelops_runtime.inference.run_data import BEST_SETS, RunData, Runs, runs_of
from modelops_runtime.inference.series import Series
from modelops_runtime.inference.targets import TargetData
from modelops_runtime.results.report.plot.scales import (
    AxisTick,
    Scale,
    date_ticks,
    linear_ticks,
    named_ticks,
    padded,
    thinned,
)
from modelops_runtime.results.report.plot.svg import Axes, Frame, band, bars, dots, fitted, line, picture
from modelops_runtime.statistics.array import Array

SINGLE_RUNS = 4

PANEL_PLACES = 100
"""Places along the axis of one panel that are drawn."""

OBSERVED = ("dot observed", "observed")
SINGLES = ("stroke single", "single simulations")


def runs_of_best(run_data: RunData, targets: Sequence[TargetData]) -> list[Runs]:
    """The simulations of the best sets, the best first; none while no trial has completed."""
    observations = max((target.stop for target in targets), default=0)
    return [runs_of(candidate, run_data.replicates, observations) for candidate in run_data.ranked[:BEST_SETS]]


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
        legend.append(("area noise", f"central 90 % with observation noise ({target.loss})"))
    return (*legend, SINGLES) if any(one.is_line for one in series) else tuple(legend)


def without_noise(target: TargetData, series: Sequence[Series]) -> str:
    """Why no band with observation noise is drawn; empty where one is, or nothing is drawn at all."""
    if not any(len(one.simulated) for one in series) or any(len(one.observable) for one in series):
        return ""
    if target.assumes_noise:
        why = target.not_stored or f"the values lie beyond what {target.loss} can be drawn for"
        return f"The observation noise is not drawn: {why}."
    return f"The loss, {target.loss}, assumes no observation noise: the bands are those of the simulations alone."


def coverage(series: Series, band: Array | None = None) -> tuple[int, int]:
    """(observations inside the `band` [2, n], observations that have a simulated value); the band is `expected` by default."""
    low, high = series.expected if band is None else band
    judged = np.isfinite(low) & np.isfinite(series.observed)
    inside = judged & (low <= series.observed) & (series.observed <= high)
    return int(inside.sum()), int(judged.sum())


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


def _x_ticks(series: Series, x: Scale, wanted: int) -> Sequence[AxisTick]:
    if series.names is not None:
        return named_ticks(series.names, x.stop - x.start)
    if np.unique(series.x).size == 1:
        only = float(series.x[0])
        return [
            AxisTick(only, date_ticks(only, only + 1e-9)[0].text if series.dated and only.is_integer() else f"{only:g}")
        ]
    ticks = (date_ticks if series.dated else linear_ticks)(x.low, x.high, wanted)
    whole = bool(np.all(series.x == np.round(series.x)))
    return [tick for tick in ticks if not whole or series.dated or tick.at == round(tick.at)]


def _singles(series: Series) -> list[Array]:
    if not len(series.simulated) or not series.is_line:
        return []
    return [series.simulated[i] for i in thinned(len(series.simulated), SINGLE_RUNS)]


def _levels(series: Series, seen: Sequence[int], y: Scale) -> tuple[list[list[float]], list[list[float]]]:
    """(the quantiles of the simulations, the band with observation noise or nothing), as pixels."""
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
