"""How many replicates are sent in one task."""

from __future__ import annotations

import math

TASK_S = 0.04
"""The shortest task in seconds, so that the cost of sending one does not matter."""

APART_S = 1.0
"""The longest task of several replicates, in seconds."""


def group_size(median_seconds: float | None, *, timeout_s: float) -> int:
    """Replicates in one task, from the median time of one; 1 until it was measured.

    As few as fill 40 ms: short ones are sent together, and long ones are spread over all slots.
    A task never lasts longer than 1 s, nor than the time limit of a single simulation.
    """
    if median_seconds is None:
        return 1
    if median_seconds <= 0:
        return _MOST
    wanted = math.ceil(TASK_S / median_seconds)
    allowed = math.floor(min(APART_S, timeout_s) / median_seconds)
    return max(1, min(wanted, allowed, _MOST))


_MOST = 1_000
