"""A command in a terminal of its own: a pseudo-terminal, and what a screen would show of it."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from select import select

import pyte

from tests.support.patience import PATIENCE_S

CTRL_C = b"\x03"
LINES = 30


class Terminal:
    """The screen, and all bytes that came so far."""

    def __init__(self, controller: int, process: subprocess.Popen[bytes], columns: int) -> None:
        self._controller = controller
        self.process = process
        self.written = b""
        self._screen = pyte.Screen(columns, LINES)
        self._stream = pyte.ByteStream(self._screen)

    @property
    def text(self) -> str:
        """The screen without the spaces at the ends of its lines."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    @property
    def cursor_is_shown(self) -> bool:
        return not self._screen.cursor.hidden

    def until(self, seen: Callable[[str], object], timeout_s: float = PATIENCE_S) -> str:
        """The screen as soon as it is as wished; fails when the command ends before, or is not that far in time."""
        give_up = time.monotonic() + timeout_s
        while not seen(self.text):
            assert time.monotonic() < give_up, f"not seen in {timeout_s} s:\n{self.text}"
            assert self._read(), f"ended with {self.process.wait(PATIENCE_S)}:\n{self.text}"
        return self.text

    def end(self, timeout_s: float = PATIENCE_S) -> int:
        """Wait for the end; returns the exit code."""
        give_up = time.monotonic() + timeout_s
        while self._read():
            assert time.monotonic() < give_up, f"no end in {timeout_s} s:\n{self.text}"
        return self.process.wait(PATIENCE_S)

    def press(self, keys: bytes) -> None:
        os.write(self._controller, keys)

    def resize(self, columns: int) -> None:
        _set_size(self._controller, columns)
        self._screen.resize(LINES, columns)

    def _read(self) -> bool:
        """Show what comes within a moment; False when nothing will come any more."""
        if not select([self._controller], [], [], 0.05)[0]:
            return True
        try:
            data = os.read(self._controller, 1 << 16)
        except OSError:  # Linux: nobody has the other end open
            return False
        self.written += data
        self._stream.feed(data)
        return bool(data)


@contextmanager
def terminal(command: Sequence[str], *, cwd: str, env: Mapping[str, str], columns: int = 100) -> Iterator[Terminal]:
    """The command with all three streams on a terminal; killed at the end of the block if it still runs."""
    controller, its_end = pty.openpty()
    _set_size(its_end, columns)
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=its_end,
        stdout=its_end,
        stderr=its_end,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that Ctrl-C is a signal
    )
    os.close(its_end)
    try:
        yield Terminal(controller, process, columns)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(controller)


def _set_size(file: int, columns: int) -> None:
    fcntl.ioctl(file, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, columns, 0, 0))
