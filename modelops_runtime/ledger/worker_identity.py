"""The name of a worker, by which processes on the same machine can tell whether it is still running."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path


def worker_id() -> str:
    """The name of this process: `host/pid/start time/boot id-pid namespace`. No two processes have the same one."""
    return _identify(os.getpid())


def is_dead(worker_id: str) -> bool | None:
    """Whether that process has ended; None if it is unknown here (another machine, boot or container)."""
    host, pid, started, place = [*worker_id.split("/"), "", "", ""][:4]
    if not (pid.isascii() and pid.isdigit() and len(pid) < 12) or host != socket.gethostname() or place != _place():
        return None
    return _start_time(int(pid)) != started


@cache
def _identify(pid: int) -> str:
    return f"{socket.gethostname()}/{pid}/{_start_time(pid)}/{_place()}"


@cache
def _place() -> str:
    """Within what a process id is unique: a boot of a machine, and a container on it."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "")
        return f"{boot}-{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        import psutil

        return str(int(psutil.boot_time()))


def _start_time(pid: int) -> str:
    """When process `pid` started, in a unit of the system; empty if there is no such process, or it is a zombie."""
    if os.path.exists("/proc/self/stat"):
        try:
            # The program's name, in parentheses, may contain spaces. The state follows it; 19 fields later, the start time.
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
