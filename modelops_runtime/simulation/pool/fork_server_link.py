"""An executor's connection to its fork server."""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import socket
import struct
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from modelops_runtime.simulation.pool import processes, wire
from modelops_runtime.simulation.pool.fork_server import Hello
from modelops_runtime.simulation.pool.limits import MARKER, Limits, simulation_environment
from modelops_runtime.simulation.pool.worker import WorkerSettings

_BOOT = Path(__file__).with_name("fork_server_boot.py")
_END_S = 10.0


@dataclass(frozen=True, slots=True)
class Event:
    """A message about a worker: `wire.EXITED` or `wire.FORK_FAILED`, with its two numbers."""

    kind: int
    worker_id: int
    first: int
    second: int


class ForkServerLink:
    """One running fork server. Started by its constructor, which does not wait for it: requests queue until it is ready.

    A plain subprocess, so that it works in a notebook, without a main guard, and inside a daemonic process.
    """

    def __init__(self, limits: Limits, preload: Sequence[str]) -> None:
        self._marker = uuid.uuid4().hex
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
        self._buffer = b""
        self.control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_BOOT), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=self._stderr,
                stderr=self._stderr,
                env=simulation_environment(os.environ, limits, self._marker),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        settings = WorkerSettings(memory_bytes=limits.memory_bytes, recycle_after=limits.recycle_after)
        hello = Hello(parent_pid=os.getpid(), preload=tuple(preload), settings=settings)
        path = [entry or os.getcwd() for entry in sys.path]
        # In two layers: the second needs the search path that the first brings.
        body = pickle.dumps((path, pickle.dumps(hello)))
        with contextlib.suppress(OSError):
            self.control.sendall(struct.pack("<I", len(body)) + body)

    @property
    def pid(self) -> int:
        return self._process.pid

    def fork(self, worker_id: int, fds: Sequence[int]) -> None:
        """Ask for a worker with these descriptors (socket, wakeup, log), which stay the caller's to close."""
        with contextlib.suppress(OSError):  # a dead fork server shows as the end of its events
            socket.send_fds(self.control, [wire.CONTROL.pack(wire.FORK, worker_id, 0, 0)], list(fds))

    def kill(self, worker_id: int) -> None:
        """Kill a worker and its children. Its end is reported like any other."""
        self._ask(wire.KILL, worker_id)

    def dump(self, worker_id: int) -> None:
        """Let a worker write its Python stack to its log."""
        self._ask(wire.DUMP, worker_id)

    def _ask(self, kind: int, worker_id: int) -> None:
        with contextlib.suppress(OSError):
            self.control.sendall(wire.CONTROL.pack(kind, worker_id, 0, 0))

    def events(self) -> list[Event] | None:
        """Messages received so far; None if the fork server has ended."""
        try:
            data = self.control.recv(65_536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not data:
            return None
        self._buffer += data
        whole = math.floor(len(self._buffer) / wire.CONTROL.size) * wire.CONTROL.size
        messages, self._buffer = self._buffer[:whole], self._buffer[whole:]
        return [Event(*message) for message in wire.CONTROL.iter_unpack(messages)]

    def complaint(self) -> str:
        """The last line the fork server wrote, if it wrote any."""
        self._stderr.seek(0)
        lines = self._stderr.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def end(self) -> None:
        """Close the connection and wait until the fork server has killed its workers and their children, and ended."""
        with contextlib.suppress(OSError):
            self.control.shutdown(socket.SHUT_RDWR)  # closing is not enough where a fork of ours holds a copy
        self.control.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            self.kill_remains()
        self._stderr.close()

    def kill_remains(self) -> None:
        """After the fork server was killed: kill its remaining processes, found by their environment.

        Ends after two listings in a row found none: a process that forks and ends during one listing hides its child.
        """
        give_up = time.monotonic() + _END_S
        clean_looks = 0
        while clean_looks < 2 and time.monotonic() < give_up:
            remains = processes.processes_marked(MARKER, self._marker)
            clean_looks = 0 if remains else clean_looks + 1
            for pid in remains:
                processes.kill(pid)
            time.sleep(0.005)
