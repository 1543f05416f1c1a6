"""Captures what a simulation writes to descriptors 1 and 2."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import fcntl
import io
import os
import signal
import sys

from modelops_runtime.contracts.failures import LOG_LIMIT

_KEEP_AT_OR_ABOVE = 240
"""Our descriptors start here, out of reach of a model that closes the low ones."""


def out_of_the_way(fd: int) -> int:
    """Move a descriptor up. Programs that are started do not inherit it."""
    try:
        moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _KEEP_AT_OR_ABOVE)
    except OSError:
        moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(fd)
    return moved


def tail(fd: int, size: int) -> str:
    """The last LOG_LIMIT bytes of a file of `size` bytes."""
    return os.pread(fd, LOG_LIMIT, max(0, size - LOG_LIMIT)).decode("utf-8", "replace")


class OutputCapture:
    """Redirects descriptors 1 and 2, and Python's streams, to one file opened for appending."""

    def __init__(self, log_fd: int) -> None:
        self._log = log_fd
        status = os.fstat(log_fd)
        self._identity = (status.st_dev, status.st_ino)
        self._libc = _c_library()
        self._connect()
        self._streams = _text_stream(1), _text_stream(2)
        sys.stdout, sys.stderr = self._streams
        # A crash or a hang shows where, in the log.
        faulthandler.enable(file=self._log, all_threads=False)
        faulthandler.register(signal.SIGUSR2, file=self._log, all_threads=True, chain=False)

    def take(self) -> str:
        """The end of the output since the last call; resets the file for the next simulation."""
        self._flush()
        status = os.fstat(self._log)
        if not self._is_connected():
            self._connect()
        if sys.stdout is not self._streams[0] or sys.stdout.closed:
            self._streams = _text_stream(1), self._streams[1]
        if sys.stderr is not self._streams[1] or sys.stderr.closed:
            self._streams = self._streams[0], _text_stream(2)
        sys.stdout, sys.stderr = self._streams
        if not status.st_size:
            return ""
        text = tail(self._log, status.st_size)
        os.ftruncate(self._log, 0)
        return text

    def _connect(self) -> None:
        os.dup2(self._log, 1)
        os.dup2(self._log, 2)

    def _is_connected(self) -> bool:
        try:
            first, second = os.fstat(1), os.fstat(2)
        except OSError:
            return False
        return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino) == self._identity

    def _flush(self) -> None:
        for stream in {sys.stdout, sys.stderr, *self._streams}:
            with contextlib.suppress(Exception):
                stream.flush()
        if self._libc is not None:
            self._libc.fflush(None)


def _text_stream(fd: int) -> io.TextIOWrapper:
    """By lines, so that what was printed before a crash is not lost."""
    raw = open(fd, "wb", closefd=False)  # noqa: SIM115 - it lives as long as the process
    return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def _c_library() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)
        library.fflush  # noqa: B018 - raises AttributeError when there is none
    except (OSError, AttributeError):
        return None
    with contextlib.suppress(Exception):
        library.setvbuf(ctypes.c_void_p.in_dll(library, "stdout"), None, 1, 8192)  # 1: by lines, for the same reason
    return library
