"""The executor's side of a worker process: its socket, what was sent, its progress."""

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
    """Made by `start`; call `close` when the process has ended or is being killed."""

    def __init__(self, worker_id: int, data: socket.socket, log: int) -> None:
        self.worker_id = worker_id
        self.data = data
        self.queue: list[Assignment] = []
        """Assignments that were sent, the running one first."""
        self.runs = 0
        self.loaded: set[int] = set()
        self.item_started = 0.0
        self.cancel_deadline = math.inf
        """When the running item is killed, if it was cancelled (monotonic clock)."""
        self.kill_at = math.inf
        """When the process is killed for exceeding its time limit (monotonic clock)."""
        self.outbox = bytearray()
        self._log = log
        self._reader = wire.FrameReader()
        self._sent: set[int] = set()

    @classmethod
    def start(cls, worker_id: int, link: ForkServerLink, wakeup: socket.socket) -> WorkerConnection:
        """Ask the fork server for a process. Jobs can be sent to it at once."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        log, path = tempfile.mkstemp(prefix="modelops-log-")
        os.unlink(path)
        fcntl.fcntl(log, fcntl.F_SETFL, os.O_APPEND)
        with theirs:
            link.fork(worker_id, [theirs.fileno(), wakeup.fileno(), log])
        return cls(worker_id, ours, log)

    def close(self) -> None:
        self.data.close()
        os.close(self._log)

    # state

    @property
    def head(self) -> Assignment | None:
        return self.queue[0] if self.queue else None

    @property
    def is_fresh(self) -> bool:
        return self.runs == 0 and not self.queue

    @property
    def is_loading(self) -> bool:
        return bool(self.queue) and self.queue[0].part.task.job.job_id not in self.loaded

    @property
    def time_limit_s(self) -> float:
        """The limit of what the head of the queue does now."""
        job = self.queue[0].part.task.job
        return job.load_timeout_s if self.is_loading else job.timeout_s

    @property
    def deadline(self) -> float:
        """When the scheduler must act on this worker (monotonic clock)."""
        if not self.queue:
            return math.inf
        if self.kill_at < math.inf:
            return self.kill_at
        return min(self.item_started + self.time_limit_s, self.cancel_deadline)

    @property
    def expected_s(self) -> float:
        """The time until it is idle; infinite until an item was measured."""
        return sum(math.inf if a.part.expected_s is None else a.part.expected_s for a in self.queue)

    def log_tail(self) -> str:
        """The end of the running item's output."""
        return tail(self._log, os.fstat(self._log).st_size)

    # progress

    def assign(self, number: int, part: Part, now: float) -> None:
        """Send a part; it goes to the end of the queue."""
        job = part.task.job
        messages = b""
        if job.job_id not in self._sent:
            self._sent.add(job.job_id)
            messages = wire.frame(wire.JOB, wire.JOB_HEAD.pack(job.job_id), job.pickled)
        head = wire.TASK_HEAD.pack(number, job.job_id)
        messages += wire.frame(wire.TASK, head, part.task.pickled(part.indices))
        if not self.queue:
            self._restart_timer(now)
        self.queue.append(Assignment(number, part))
        self.send(messages)

    def cancel(self, assignment: Assignment) -> None:
        """Tell the process to skip the items of an assignment that it has not begun."""
        self.send(wire.frame(wire.CANCEL, wire.NUMBER.pack(assignment.number)))

    def advance(self, now: float, *, by: int) -> None:
        """The head of the queue has finished `by` items."""
        head = self.queue[0]
        head.position += by
        if head.is_over:
            del self.queue[0]
            self.cancel_deadline = math.inf
        self._restart_timer(now)

    def leave_head(self, now: float) -> None:
        """The process has skipped the rest of the head."""
        self.advance(now, by=len(self.queue[0].part.indices))

    def has_loaded(self, job_id: int, now: float) -> None:
        self.loaded.add(job_id)
        self._restart_timer(now)

    def _restart_timer(self, now: float) -> None:
        self.item_started = now
        self.kill_at = math.inf

    # socket

    def send(self, message: bytes) -> None:
        """Send what the socket takes now; the rest waits in the outbox for `flush`."""
        self.outbox += message
        self.flush()

    def flush(self) -> None:
        with contextlib.suppress(
            BlockingIOError, BrokenPipeError, ConnectionResetError
        ):  # the fork server reports its end
            while self.outbox:
                del self.outbox[: self.data.send(self.outbox)]

    def receive(self) -> list[tuple[int, bytes]]:
        """All complete frames received so far."""
        frames: list[tuple[int, bytes]] = []
        with contextlib.suppress(BlockingIOError, ConnectionResetError):
            while data := self.data.recv(_CHUNK):
                frames += self._reader.feed(data)
                if len(data) < _CHUNK:
                    break
        return frames
