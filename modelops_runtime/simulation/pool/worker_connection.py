"""A worker process as its executor holds it: the socket, what was sent, how far it is."""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import socket
import tempfile

from modelops_runtime.simulation.pool import wire
from modelops_runtime.simulation.pool.capture import tail
from modelops_runtime.simulation.pool.fork_server_link import ForkServerLink
from modelops_runtime.simulation.pool.tasks import Assignment, Part

_CHUNK = 262_144


class WorkerConnection:
    """Made by `hire`; `let_go` when the process has ended, or is being killed."""

    def __init__(self, worker_id: int, data: socket.socket, log: int) -> None:
        self.worker_id = worker_id
        self.data = data
        self.line: list[Assignment] = []
        """What it has before it, the running assignment first."""
        self.runs = 0
        self.loaded: set[int] = set()
        self.item_started = 0.0
        self.patience_ends = math.inf
        """When what runs, and nobody wants any more, is killed instead of waited for."""
        self.doomed_at = math.inf
        """When it is killed for having overrun its time."""
        self.outbox = bytearray()
        self._log = log
        self._reader = wire.FrameReader()
        self._sent: set[int] = set()

    @classmethod
    def hire(cls, worker_id: int, link: ForkServerLink, bell: socket.socket) -> WorkerConnection:
        """Ask the fork server for a process. It can be sent jobs at once."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        log, path = tempfile.mkstemp(prefix="modelops-log-")
        os.unlink(path)
        fcntl.fcntl(log, fcntl.F_SETFL, os.O_APPEND)
        with theirs:
            link.fork(worker_id, [theirs.fileno(), bell.fileno(), log])
        return cls(worker_id, ours, log)

    def let_go(self) -> None:
        self.data.close()
        os.close(self._log)

    # state

    @property
    def head(self) -> Assignment | None:
        return self.line[0] if self.line else None

    @property
    def is_fresh(self) -> bool:
        return self.runs == 0 and not self.line

    @property
    def is_loading(self) -> bool:
        return bool(self.line) and self.line[0].part.task.job.job_id not in self.loaded

    @property
    def time_limit_s(self) -> float:
        """Of what the head of the line does now."""
        job = self.line[0].part.task.job
        return job.load_timeout_s if self.is_loading else job.timeout_s

    @property
    def deadline(self) -> float:
        """When something must be done about it (monotonic clock)."""
        if not self.line:
            return math.inf
        if self.doomed_at < math.inf:
            return self.doomed_at
        return min(self.item_started + self.time_limit_s, self.patience_ends)

    @property
    def expected_s(self) -> float:
        """How long it should be busy at most; infinite while nothing was measured."""
        return sum(math.inf if a.part.expected_s is None else a.part.expected_s for a in self.line)

    def log_tail(self) -> str:
        """The end of what the running item has printed."""
        return tail(self._log, os.fstat(self._log).st_size)

    # progress

    def assign(self, number: int, part: Part, now: float) -> None:
        """Send a part, behind what is in the line already."""
        job = part.task.job
        messages = b""
        if job.job_id not in self._sent:
            self._sent.add(job.job_id)
            messages = wire.frame(wire.JOB, wire.JOB_HEAD.pack(job.job_id), job.pickled)
        head = wire.TASK_HEAD.pack(number, job.job_id)
        messages += wire.frame(wire.TASK, head, part.task.pickled(part.indices))
        if not self.line:
            self._start(now)
        self.line.append(Assignment(number, part))
        self.send(messages)

    def cancel(self, assignment: Assignment) -> None:
        """Tell the process to leave out what it has not begun of an assignment."""
        self.send(wire.frame(wire.CANCEL, wire.NUMBER.pack(assignment.number)))

    def advance(self, now: float, *, by: int) -> None:
        """The head of the line has come on by so many items."""
        head = self.line[0]
        head.position += by
        if head.is_over:
            del self.line[0]
            self.patience_ends = math.inf
        self._start(now)

    def leave_head(self, now: float) -> None:
        """The process has left out the rest of the head."""
        self.advance(now, by=len(self.line[0].part.indices))

    def has_loaded(self, job_id: int, now: float) -> None:
        self.loaded.add(job_id)
        self._start(now)

    def _start(self, now: float) -> None:
        self.item_started = now
        self.doomed_at = math.inf

    # socket

    def send(self, message: bytes) -> None:
        """As much as goes now; the rest waits in the outbox for `flush`."""
        self.outbox += message
        self.flush()

    def flush(self) -> None:
        with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):  # its end is told elsewhere
            while self.outbox:
                del self.outbox[: self.data.send(self.outbox)]

    def receive(self) -> list[tuple[int, bytes]]:
        """All complete frames that are there."""
        frames: list[tuple[int, bytes]] = []
        with contextlib.suppress(BlockingIOError, ConnectionResetError):
            while data := self.data.recv(_CHUNK):
                frames += self._reader.feed(data)
                if len(data) < _CHUNK:
                    break
        return frames
