"""The axis of a searched parameter's values, which several figures share."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

from modelops_runtime.contracts.wording import fmt
from modelops_runtime.inference.searched import Searched
from modelops_runtime.ledger.base import Trial
from modelops_runtime.results.report.plot.scales import AxisTick, Scale, linear_ticks, log_ticks, named_ticks, padded


def value_axis(parameter: Searched, start: float, stop: float) -> tuple[Scale, Sequence[AxisTick]]:
    """The axis of a parameter's values over the pixels from `start` to `stop`."""
    if parameter.names:
        names = [fmt(name) for name in parameter.names]
        return Scale(-0.5, len(names) - 0.5, start, stop), named_ticks(names, stop - start)
    low, high = parameter.axis
    if parameter.scale == "log" and low > 0 and high > low:
        return Scale(low, high, start, stop, log=True), log_ticks(low, high, 4)
    low, high = (low, high) if high > low else padded(low, high)
    return Scale(low, high, start, stop), linear_ticks(low, high, 4)


def axis_value(parameter: Searched, trial: Trial, *, jitter: bool) -> float | None:
    """Where a trial lies on `value_axis`; None if it has no value. With `jitter`, trials of one choice are spread sideways."""
    value = (trial.params or {}).get(parameter.name)
    if value is None:
        return None
    if not parameter.names:
        return float(value) if isinstance(value, int | float) else None
    index = next((i for i, c in enumerate(parameter.names) if c == value and type(c) is type(value)), None)
    if index is None:
        return None
    # Spread by the number of the trial, not at random: two reports of the same run are equal.
    return index + ((crc32(str(trial.number).encode()) % 1000) / 1000 - 0.5) * 0.5 * jitter
