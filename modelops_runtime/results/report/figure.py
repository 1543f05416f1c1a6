"""What all figures of the report share: how they are kept, how losses are scaled, how numbers are worded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from modelops_runtime.contracts.wording import counted, fmt
from modelops_runtime.results.report.plot.scales import (
    Scale,
    Tick,
    linear_ticks,
    log_ticks,
    padded,
    padded_log,
)
from modelops_runtime.results.report.plot.svg import Frame

WIDE = Frame(width=720, height=300)
NARROW = Frame(width=350, height=250)
PANEL = Frame(width=340, height=220)

MARKS = 3_000
"""Dots of one figure; beyond that, the better ones and an even selection of the others are drawn."""

LOG_FROM = 20
"""Losses that span more than this factor (all above 0) are drawn on a logarithmic axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One small plot of several."""

    title: str
    svg: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure, or several small ones, with one sentence that says what is to be seen in this run."""

    title: str
    says: str
    wide: str = ""
    narrow: str = ""
    panels: tuple[Panel, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()
    """(class of the mark, what it is)."""
    note: str = ""
    """What is worth knowing of how it was drawn."""
    kind: str = ""
    name: str = ""
    """Of its file, when it is written as one of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossAxis:
    """The range of losses that is drawn; larger ones sit at the upper edge."""

    low: float
    high: float
    log: bool
    above: int
    """Losses beyond `high`."""

    def scale(self, frame: Frame) -> Scale:
        return Scale(self.low, self.high, *frame.y_range, log=self.log)

    def ticks(self) -> list[Tick]:
        return log_ticks(self.low, self.high) if self.log else linear_ticks(self.low, self.high)


def loss_axis(losses: Sequence[float]) -> LossAxis:
    """An axis on which the good losses can be told apart. `losses` are finite and at least one."""
    low, high = min(losses), max(losses)
    most = float(np.quantile(losses, 0.9))
    # A few very bad sets must not flatten all the others.
    top = low + 1.6 * (most - low)
    log = low > 0 and min(top, high) / low > LOG_FROM
    if log:
        top = low * (most / low) ** 1.6
    high = min(high, top) if top > low else high
    above = sum(loss > high for loss in losses)
    low, high = padded_log(low, high) if log else padded(low, high)
    return LossAxis(low=low, high=high, log=log, above=above)


def above_text(axis: LossAxis) -> str:
    """A sentence on the losses that lie beyond the axis, if any."""
    if not axis.above:
        return ""
    verb = "is" if axis.above == 1 else "are"
    return f" {counted(axis.above, 'loss', 'losses')} beyond {fmt(axis.high)} {verb} drawn at the upper edge."


def fitted(frame: Frame, y_ticks: Sequence[Tick]) -> Frame:
    """The frame with room for its tick texts."""
    longest = max((len(tick.text) for tick in y_ticks), default=1)
    return replace(frame, left=max(30.0, 14.0 + 6.6 * longest))


def named_ticks(names: Sequence[str], room: float) -> list[Tick]:
    """Names at 0, 1, ...: shortened, and only every second, third, ... where `room` (pixels) is too small for all."""
    short = [name if len(name) <= 12 else f"{name[:11]}…" for name in names]
    longest = 10 + 6.8 * max(map(len, short), default=0)
    step = max(1, math.ceil(len(short) * longest / room))
    return [Tick(float(i), short[i]) for i in range(0, len(short), step)]


def thinned(count: int, most: int) -> list[int]:
    """At most `most` indices out of `count`, evenly spread, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(i * (count - 1) / (most - 1)) for i in range(most)})
