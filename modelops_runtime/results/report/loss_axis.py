"""The axis of losses, which several figures share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modelops_runtime.contracts.wording import counted, fmt
from modelops_runtime.results.report.plot.scales import (
    Scale,
    Tick,
    linear_ticks,
    log_ticks,
    padded,
    padded_log,
    quantile,
)
from modelops_runtime.results.report.plot.svg import Frame

LOG_FROM = 20
"""Losses that span more than this factor (all above 0) are drawn on a logarithmic axis."""


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
    most = quantile(losses, 0.9)
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
