"""Measures the memory of a simulation, and limits single allocations."""

from __future__ import annotations

import contextlib
import os
import resource

from modelops_runtime.simulation.pool.processes import LINUX, descendants_of

_PAGE = os.sysconf("SC_PAGE_SIZE")
_SLACK = 256 * 2**20
"""Bytes that libraries reserve and never touch."""


def tree_exceeds(pid: int, limit: int) -> int | None:
    """Bytes that a process and its descendants hold, if above `limit`; None otherwise.

    The sum of resident sizes is cheap but counts shared pages several times, and mapped files. So it is
    only the trigger; the proportional share of memory that cannot be reclaimed decides.
    """
    tree = [pid, *descendants_of(pid)]
    if sum(map(_resident, tree)) <= limit:
        return None
    held = sum(map(_held, tree))
    return held if held > limit else None


def _resident(pid: int) -> int:
    if not LINUX:
        return _resident_by_psutil(pid)
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE
    except OSError:
        return 0


def _resident_by_psutil(pid: int) -> int:
    import psutil

    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return 0


def _held(pid: int) -> int:
    """Anonymous and shared memory, shared pages by their share (kernel 5.4 and later); the resident size elsewhere."""
    total = 0
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith((b"Pss_Anon:", b"Pss_Shmem:", b"SwapPss:")):
                    total += int(line.split()[1]) * 1024
    except OSError:
        return _resident(pid)
    return total or _resident(pid)


def limit_own_data(memory_bytes: int) -> None:
    """Refuse allocations far above the limit, so that one huge request fails at once instead of filling the machine.

    RLIMIT_DATA counts private writable memory once it is allocated, even if untouched. Twice the limit leaves room for what is
    only reserved; the check of resident memory is the actual limit.
    """
    if not LINUX:
        return
    ceiling = _own_data() + 2 * memory_bytes + _SLACK
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        ceiling = min(ceiling, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (ceiling, hard))


def _own_data() -> int:
    with open("/proc/self/status", "rb") as file:
        for line in file:
            if line.startswith(b"VmData:"):
                return int(line.split()[1]) * 1024
    return 0


def kernel_oom_kills() -> int:
    """How many processes of our control group (of the machine, when that cannot be told) the kernel killed for memory."""
    for path in (_cgroup_events(), "/proc/vmstat"):
        with contextlib.suppress(OSError), open(path, "rb") as file:
            for line in file:
                if line.startswith(b"oom_kill "):
                    return int(line.split()[1])
    return 0


def _cgroup_events() -> str:
    with contextlib.suppress(OSError), open("/proc/self/cgroup") as file:
        for line in file:
            if line.startswith("0::"):
                return f"/sys/fs/cgroup{line[3:].strip().rstrip('/')}/memory.events"
    return ""
