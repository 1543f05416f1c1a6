"""How many replicates travel in one task."""

from __future__ import annotations

import math

TASK_S = 0.04
"""Seconds that a task should take at least, so that what it costs to send one does not count."""

APART_S = 1.0
"""Seconds that a task of several replicates takes at most."""


def group_size(median_seconds: float | None, *, timeout_s: float) -> int:
    """Replicates of one task, from the measured median of one; 1 while nothing was measured.

    As few as make a task of 40 ms: so short ones travel together, and a set of long ones is spread over all slots.
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
