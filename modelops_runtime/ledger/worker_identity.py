"""Who holds a lease, so that another process of the same machine can tell whether it still lives."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path


def worker_id() -> str:
    """This process: `host/pid/start time/boot id-pid namespace`; never the same for two processes."""
    return _identify(os.getpid())


def is_dead(worker_id: str) -> bool | None:
    """Whether the process has ended; None when that cannot be told from here (another machine, boot or container)."""
    host, pid, started, place = [*worker_id.split("/"), "", "", ""][:4]
    if not (pid.isascii() and pid.isdigit() and len(pid) < 12) or host != socket.gethostname() or place != _place():
        return None
    return _start_time(int(pid)) != started


@cache
def _identify(pid: int) -> str:
    return f"{socket.gethostname()}/{pid}/{_start_time(pid)}/{_place()}"


@cache
def _place() -> str:
    """Where a process number means one process: a boot of a machine, and in it a container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "")
        return f"{boot}-{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        import psutil

        return str(int(psutil.boot_time()))


def _start_time(pid: int) -> str:
    """When process `pid` started, in whatever unit the system counts; empty when there is none, or a zombie."""
    if os.path.exists("/proc/self/stat"):
        try:
            # The name in parentheses may hold spaces; after it come the state and, 19 fields on, the start time.
            fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] in "ZX" else fields[19]
    import psutil

    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return ""
