"""Process trees: find descendants, and leave none of them behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time

LINUX = sys.platform.startswith("linux")

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_PF_KTHREAD = 0x0020_0000
_STATE, _FLAGS, _ENV_END = 0, 6, 48
"""Indices of fields in /proc/PID/stat after the program's name."""
_EXEC_LOOKS = 200
_SURE_LOOKS = 5
_EXEC_LOOK_S = 0.01
_HAS_CHILDREN_FILES = os.path.exists("/proc/thread-self/children")


def _prctl(option: int, value: int | bytes) -> None:
    if LINUX:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, however they detached themselves (Linux)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Be killed when the parent ends, in whatever way (Linux)."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def name_process(name: str) -> None:
    """What `ps` and `top` show (Linux, 15 characters)."""
    _prctl(_PR_SET_NAME, name.encode()[:15])


def children_of(pid: int) -> list[int]:
    """Direct children, zombies included; none for a process that is gone."""
    if not _HAS_CHILDREN_FILES:
        return _children_by_psutil(pid)
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found.extend(map(int, file.read().split()))
    except OSError:
        pass
    return found


def _children_by_psutil(pid: int) -> list[int]:
    import psutil

    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.Error:
        return []


def descendants_of(pid: int) -> list[int]:
    """Children, their children, and so on."""
    found: list[int] = []
    level = children_of(pid)
    while level:
        found.extend(level)
        level = [child for parent in level for child in children_of(parent)]
    return found


def kill(pid: int) -> None:
    """SIGKILL; a process that is gone is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def kill_tree(pid: int) -> None:
    """SIGKILL a process, its process group if it leads one, and all its descendants.

    A process that forks between the listing and the kill leaves a child: the caller adopts such orphans, and repeats this.
    """
    doomed = [pid, *descendants_of(pid)]
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    for each in doomed:
        kill(each)


def kill_children_of_self() -> bool:
    """Kill and reap all processes that this one started or adopted. False if there were none.

    Each round reaps at least one child; orphans of the killed appear in the next.
    """
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    while True:
        for child in children_of(os.getpid()):
            kill_tree(child)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return True


def processes_marked(name: str, value: str) -> list[int]:
    """Other processes whose initial environment holds `name=value` (Linux; elsewhere none).

    During exec a process shows no environment for a moment, which may be long on a busy machine:
    so it is read again, for at most two seconds.
    """
    wanted = f"{name}={value}".encode()
    found: list[int] = []
    if not LINUX:
        return found
    unread = [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and int(entry) != os.getpid()]
    for look in range(_EXEC_LOOKS):
        changing: list[int] = []
        for pid in unread:
            with contextlib.suppress(OSError):
                environment = _read(f"/proc/{pid}/environ")
                if wanted in environment.split(b"\0"):
                    found.append(pid)
                elif not environment and _may_show_one_yet(pid, look):
                    changing.append(pid)
        if not changing:
            break
        unread = changing
        time.sleep(_EXEC_LOOK_S)
    return found


def _may_show_one_yet(pid: int, look: int) -> bool:
    """Whether an empty environment may be temporary: not for kernel threads, zombies and confirmed empty environments."""
    fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    state, flags, environment_end = fields[_STATE], int(fields[_FLAGS]), int(fields[_ENV_END])
    return state not in b"ZX" and not flags & _PF_KTHREAD and (look < _SURE_LOOKS or environment_end == 0)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
