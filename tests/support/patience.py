"""Waiting for what must come, on a machine of any speed."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 900.0
"""How long a test waits before it says that something hangs: no measure of speed, so far above what a busy machine takes."""


def eventually(holds: Callable[[], object], *, every_s: float = 0.01) -> bool:
    """Whether it comes to hold in time; looked for every so many seconds."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(every_s)
    return True
