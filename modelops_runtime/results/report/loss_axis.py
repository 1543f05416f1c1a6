"""The axis of losses, which several figures share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelops_runtime.contracts.wording import counted, fmt
from modelops_runtime.results.report.plot.scales import (
    AxisTick,
    Scale,
    linear_ticks,
    log_ticks,
    padded,
    padded_log,
)
from modelops_runtime.results.report.plot.svg import Frame

LOG_FROM = 20
"""The axis is logarithmic if all losses are above 0 and span more than this factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossAxis:
    """The range of losses that is drawn; larger losses are drawn at the upper edge."""

    low: float
    high: float
    log: bool
    above: int
    """How many losses are above `high`."""

    def scale(self, frame: Frame) -> Scale:
        return Scale(self.low, self.high, *frame.y_range, log=self.log)

    def ticks(self) -> list[AxisTick]:
        return log_ticks(self.low, self.high) if self.log else linear_ticks(self.low, self.high)


def loss_axis(losses: Sequence[float]) -> LossAxis:
    """An axis on which the good losses can be distinguished. `losses` are finite, and there is at least one."""
    low, high = min(losses), max(losses)
    most = float(np.quantile(losses, 0.9))
    # Otherwise a few very bad sets would flatten all the others.
    top = low + 1.6 * (most - low)
    log = low > 0 and min(top, high) / low > LOG_FROM
    if log:
        top = low * (most / low) ** 1.6
    high = min(high, top) if top > low else high
    above = sum(loss > high for loss in losses)
    low, high = padded_log(low, high) if log else padded(low, high)
    return LossAxis(low=low, high=high, log=log, above=above)


def above_text(axis: LossAxis) -> str:
    """A sentence on the losses above the axis; empty if there are none."""
    if not axis.above:
        return ""
    verb = "is" if axis.above == 1 else "are"
    return f" {counted(axis.above, 'loss', 'losses')} beyond {fmt(axis.high)} {verb} drawn at the upper edge."
