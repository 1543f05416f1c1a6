"""Small pieces of SVG as text. Colours come from classes, so that one figure serves light, dark and print."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape

from modelops_runtime.results.report.plot.scales import AxisTick, Scale

Point = tuple[float, float]


def at(value: float) -> str:
    """A coordinate as text, to a tenth of a pixel."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def line(points: Iterable[Point], css: str) -> str:
    """A polyline, broken where a coordinate is not finite."""
    parts: list[str] = []
    pen = "M"
    for x, y in points:
        if not (math.isfinite(x) and math.isfinite(y)):
            pen = "M"
            continue
        parts.append(f"{pen}{at(x)} {at(y)}")
        pen = "L"
    return f'<path class="{css}" d="{"".join(parts)}"/>' if parts else ""


def steps(points: Sequence[Point], end: float, css: str) -> str:
    """A line that stays level up to the next point, and on to the x `end`."""
    parts: list[str] = []
    for x, y in points:
        parts.append(f"H{at(x)}V{at(y)}" if parts else f"M{at(x)} {at(y)}")
    return f'<path class="{css}" d="{"".join(parts)}H{at(end)}"/>' if parts else ""


def band(xs: Sequence[float], lower: Sequence[float], upper: Sequence[float], css: str) -> str:
    """The area between two lines; stretches where one is not finite are left out."""
    areas: list[str] = []
    stretch: list[tuple[float, float, float]] = []
    for x, low, high in [*zip(xs, lower, upper, strict=True), (math.nan, math.nan, math.nan)]:
        if math.isfinite(low) and math.isfinite(high):
            stretch.append((x, low, high))
            continue
        if len(stretch) > 1:
            edge = [(x, high) for x, _, high in stretch] + [(x, low) for x, low, _ in reversed(stretch)]
            areas.append("M" + "L".join(f"{at(x)} {at(y)}" for x, y in edge) + "Z")
        elif stretch:
            x, low, high = stretch[0]
            areas.append(f"M{at(x - 3)} {at(low)}H{at(x + 3)}V{at(high)}H{at(x - 3)}Z")
        stretch = []
    return f'<path class="{css}" d="{"".join(areas)}"/>' if areas else ""


def bars(xs: Sequence[float], lower: Sequence[float], upper: Sequence[float], width: float, css: str) -> str:
    """One upright bar for each x, for axes on which lines make no sense."""
    half = width / 2
    parts = [
        f"M{at(x - half)} {at(low)}H{at(x + half)}V{at(high)}H{at(x - half)}Z"
        for x, low, high in zip(xs, lower, upper, strict=True)
        if math.isfinite(low) and math.isfinite(high)
    ]
    return f'<path class="{css}" d="{"".join(parts)}"/>' if parts else ""


def dots(points: Iterable[Point], css: str) -> str:
    """Round dots as one path of lines without length, whose class gives their size: a small file for thousands of dots."""
    parts = [f"M{at(x)} {at(y)}h0" for x, y in points if math.isfinite(x) and math.isfinite(y)]
    return f'<path class="dots {css}" d="{"".join(parts)}"/>' if parts else ""


def segments(levels: Iterable[tuple[float, float, float]], css: str) -> str:
    """Level strokes (from x, to x, y) as one path."""
    parts = [f"M{at(start)} {at(y)}H{at(stop)}" for start, stop, y in levels]
    return f'<path class="{css}" d="{"".join(parts)}"/>' if parts else ""


def crosses(points: Iterable[Point], css: str, size: float = 3.0) -> str:
    s, d = at(size), at(2 * size)
    parts = [f"M{at(x)} {at(y)}m-{s} -{s}l{d} {d}m0 -{d}l-{d} {d}" for x, y in points]
    return f'<path class="{css}" d="{"".join(parts)}"/>' if parts else ""


def diamond(point: Point, css: str, title: str, size: float = 5.5) -> str:
    x, y = point
    s = at(size)
    shape = f"M{at(x)} {at(y - size)}l{s} {s}l-{s} {s}l-{s} -{s}z"
    return f'<path class="{css}" d="{shape}"><title>{escape(title)}</title></path>'


def key(css: str) -> str:
    """The mark of a line of the legend, in a box of 22 by 12 pixels."""
    kind, _, name = css.partition(" ")
    if kind == "dot":
        return f'<path class="dots {name}" d="M11 6h0"/>'
    if kind == "stroke":
        return f'<path class="{name}" d="M1 6H21"/>'
    if kind == "area":
        return f'<path class="{name}" d="M1 1H21V11H1Z"/>'
    if kind == "gem":
        return '<path class="gem" d="M11 1l5 5l-5 5l-5 -5z"/>'
    return '<path class="cross" d="M8 3l6 6m0 -6l-6 6"/>'


def text(x: float, y: float, words: str, css: str, anchor: str = "start") -> str:
    return f'<text class="{css}" x="{at(x)}" y="{at(y)}" text-anchor="{anchor}">{escape(words)}</text>'


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The size of a picture and the margins of its plot, in pixels."""

    width: float
    height: float
    left: float = 46
    right: float = 12
    top: float = 26
    bottom: float = 38

    @property
    def x_range(self) -> tuple[float, float]:
        return self.left, self.width - self.right

    @property
    def y_range(self) -> tuple[float, float]:
        """From the bottom up: y grows downwards in SVG."""
        return self.height - self.bottom, self.top


WIDE = Frame(width=720, height=300)
NARROW = Frame(width=350, height=250)
PANEL = Frame(width=340, height=220)

MARKS = 3_000
"""Dots of one drawing; beyond that, the better ones and an even selection of the others are drawn."""


def fitted(frame: Frame, y_ticks: Sequence[AxisTick]) -> Frame:
    """The frame with enough margin for its tick texts."""
    longest = max((len(tick.text) for tick in y_ticks), default=1)
    return replace(frame, left=max(30.0, 14.0 + 6.6 * longest))


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """Two scales with their ticks and names."""

    x: Scale
    y: Scale
    x_ticks: Sequence[AxisTick]
    y_ticks: Sequence[AxisTick]
    x_name: str
    y_name: str


def picture(frame: Frame, axes: Axes, body: Iterable[str], label: str) -> str:
    """A whole figure: grid, axes, `body`; `label` describes it for readers who cannot see it."""
    parts = [
        f'<svg class="figure" viewBox="0 0 {at(frame.width)} {at(frame.height)}" role="img" '
        f'aria-label="{escape(label)}" style="max-width:{at(frame.width * 1.25)}px">',
        _grid(frame, axes),
        *body,
        _names(frame, axes),
        "</svg>",
    ]
    return "".join(parts)


def _grid(frame: Frame, axes: Axes) -> str:
    x0, x1 = frame.x_range
    bottom = frame.height - frame.bottom
    parts: list[str] = []
    for tick in axes.y_ticks:
        y = axes.y(tick.at)
        parts.append(f'<path class="grid" d="M{at(x0)} {at(y)}H{at(x1)}"/>')
        parts.append(text(x0 - 6, y + 3.5, tick.text, "tick", "end"))
    parts.append(f'<path class="axis" d="M{at(x0)} {at(bottom)}H{at(x1)}"/>')
    for tick in axes.x_ticks:
        x = axes.x(tick.at)
        parts.append(f'<path class="axis" d="M{at(x)} {at(bottom)}v4"/>')
        parts.append(text(x, bottom + 16, tick.text, "tick", "middle"))
    return "".join(parts)


def _names(frame: Frame, axes: Axes) -> str:
    x0, x1 = frame.x_range
    across = text((x0 + x1) / 2, frame.height - 5, axes.x_name, "name", "middle")
    return across + text(4, 14, axes.y_name, "name")
