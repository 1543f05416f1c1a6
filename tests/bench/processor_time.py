"""Processor time of this process with all that it has started, ended or not."""

from __future__ import annotations

import os
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def processor_time_s(pid: int | None = None) -> float:
    """User and system time in seconds, in steps of a clock tick for each process."""
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        number = int(stat.parent.name)
        parents[number] = int(fields[1])
        used[number] = _TICK_S * sum(map(int, fields[11:15]))  # its own, and that of the children it has waited for
    family = {os.getpid() if pid is None else pid}
    while grown := {number for number, parent in parents.items() if parent in family} - family:
        family |= grown
    return sum(used[number] for number in family)
