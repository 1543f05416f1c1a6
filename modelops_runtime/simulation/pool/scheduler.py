"""Which worker of an executor runs what: all decisions, no threads. Methods are called under one lock."""

from __future__ import annotations

import contextlib
import math
import pickle
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count

from modelops_runtime.contracts.errors import ModelOpsError
from modelops_runtime.contracts.failures import Failure, FailureKind
from modelops_runtime.simulation.pool import exit_failures, wire
from modelops_runtime.simulation.pool.fork_server_link import Event, ForkServerLink
from modelops_runtime.simulation.pool.job import ItemOutcome
from modelops_runtime.simulation.pool.limits import Limits
from modelops_runtime.simulation.pool.tasks import Assignment, Part, Task
from modelops_runtime.simulation.pool.worker_connection import WorkerConnection

_REPORT_GRACE_S = 0.03
"""Time for a worker that exceeded its limit to write its stack, before it is killed."""

_SOFT_S = 0.25
"""Shorter items finish when their task is cancelled: that is cheaper than starting another process."""

_AHEAD_TASK_S = 0.5
_AHEAD_LINE_S = 0.05
_AHEAD_MOST = 4
_START_RETRY_S = 0.2
_FAILED_STARTS = 20
_DEAD_FORK_SERVERS = 3


class CannotStart(ModelOpsError):
    """No process for simulations can be started on this machine."""


class Scheduler:
    """`slots` workers, a queue of parts, and who runs what."""

    def __init__(self, slots: int, limits: Limits, preload: Sequence[str], clock: Callable[[], float]) -> None:
        self.slots = slots
        self.finished: list[Task] = []
        """Tasks whose futures wait to be resolved; the owner removes them."""
        self.workers: dict[int, WorkerConnection] = {}
        self.wakeup, self._wakeup_in = socket.socketpair()
        self.wakeup.setblocking(False)
        self._limits = limits
        self._preload = preload
        self._clock = clock
        self._queue: deque[Part] = deque()
        self._numbers = count()
        self._ids = count(1)
        self._next_start_at = 0.0
        self._failed_starts = 0
        self._dead_fork_servers = 0
        self.link = ForkServerLink(limits, preload)
        self._fill_slots()

    def close(self) -> None:
        """Kill all processes; what they ran is forgotten."""
        self.slots = 0
        self.link.end()
        for worker in self.workers.values():
            worker.close()
        self.workers.clear()
        self.wakeup.close()
        self._wakeup_in.close()

    # called by the executor

    def add(self, task: Task) -> None:
        """Queue a task; it starts now if a worker is idle."""
        self._queue.append(task.whole())
        self.dispatch()

    def drop(self, task: Task) -> None:
        """Stop what runs of a task. Short items end by themselves; the process of a long one is killed."""
        task.dropped = True
        now = self._clock()
        for worker in list(self.workers.values()):
            for assignment in [a for a in worker.queue if a.part.task is task]:
                worker.cancel(assignment)
                if assignment is worker.head:
                    self._stop_head(worker, task.job.mean_s, now)
        self.dispatch()

    def is_running(self, task: Task) -> bool:
        return any(worker.queue and worker.queue[0].part.task is task for worker in self.workers.values())

    def _stop_head(self, worker: WorkerConnection, mean_s: float | None, now: float) -> None:
        if mean_s is None or (mean_s > _SOFT_S and not worker.is_loading):
            self._replace(worker)
        elif not worker.is_loading:
            worker.cancel_deadline = now + max(_SOFT_S, 4 * mean_s)

    # events

    def on_wakeup(self) -> None:
        """Read what workers have sent."""
        with contextlib.suppress(BlockingIOError):
            data = self.wakeup.recv(65_536)
            for worker_id in {number for (number,) in wire.NUMBER.iter_unpack(data[: len(data) // 4 * 4])}:
                if worker_id in self.workers:
                    self._receive(self.workers[worker_id])
        self.dispatch()

    def on_control(self) -> None:
        """Read what the fork server has sent; restart it if it has ended. Raises CannotStart if it keeps ending."""
        events = self.link.events()
        if events is None:
            self._restart_fork_server()
        for event in events or ():
            worker = self.workers.get(event.worker_id)
            if worker is None:
                continue
            if event.kind == wire.FORK_FAILED:
                self._start_failed()
                self._discard(worker)
            else:
                self._has_ended(worker, event)
        self._fill_slots()
        self.dispatch()

    def on_time(self) -> None:
        """Kill workers that exceeded their time limit."""
        now = self._clock()
        for worker in list(self.workers.values()):
            if worker.deadline <= now:
                self._receive(worker)
                if worker.worker_id in self.workers and worker.deadline <= now:
                    self._overrun(worker, now)
        self._fill_slots()
        self.dispatch()

    @property
    def deadline(self) -> float:
        """When `on_time` must be called at the latest (monotonic clock)."""
        deadline = min((worker.deadline for worker in self.workers.values()), default=math.inf)
        return min(deadline, self._next_start_at) if len(self.workers) < self.slots else deadline

    # messages of workers

    def _receive(self, worker: WorkerConnection) -> None:
        try:
            for kind, body in worker.receive():
                if worker.worker_id not in self.workers:
                    return  # it is being killed
                if kind == wire.ITEM:
                    self._take_item(worker, body)
                elif kind == wire.LOADED:
                    self._take_loaded(worker, body)
                elif kind == wire.SKIPPED:
                    worker.leave_head(self._clock())
                else:
                    raise ValueError(f"a message of kind {kind}")
        except (ValueError, LookupError, EOFError, struct.error, pickle.UnpicklingError):
            failure = Failure(FailureKind.MODEL_ERROR, "the model wrote to a file that is not its own")
            self._fail_head(worker, failure)
            self._replace(worker)

    def _take_loaded(self, worker: WorkerConnection, body: bytes) -> None:
        job_id, when, _ = wire.LOADED_HEAD.unpack(body)
        if not self._is_too_late(worker, when):
            worker.has_loaded(job_id, when)

    def _is_too_late(self, worker: WorkerConnection, finished: float) -> bool:
        """Whether a worker finished only after it was asked for its stack; it is then killed.

        That signal may have interrupted a system call of the model, so results after it cannot be trusted.
        """
        if finished <= worker.kill_at - _REPORT_GRACE_S:
            return False
        self._fail_head(worker, exit_failures.too_slow(worker.time_limit_s, loading=worker.is_loading))
        self._replace(worker)
        return True

    def _take_item(self, worker: WorkerConnection, body: bytes) -> None:
        number, position, finished, seconds, flags = wire.ITEM_HEAD.unpack_from(body)
        head = worker.queue[0]
        if (number, position) != (head.number, head.position):
            raise ValueError(f"item {position} of {number}; {head.position} of {head.number} runs")
        if self._is_too_late(worker, finished):
            return
        worker.runs += 1
        self._failed_starts = self._dead_fork_servers = 0
        if head.is_wanted:
            value, failure, log = pickle.loads(memoryview(body)[wire.ITEM_HEAD.size :])
            if failure is None:
                head.part.task.job.measured(seconds)
                self._record(head, ItemOutcome(seconds, value, None, log))
            else:
                failure = Failure(FailureKind(failure[0]), *failure[1:])
                self._settle(worker, head, ItemOutcome(seconds, None, failure, log), used=worker.runs > 1)
        worker.advance(finished, by=1)
        if flags & wire.RETIRING:
            self._discard(worker)
            self._fill_slots()

    def _settle(self, worker: WorkerConnection, head: Assignment, outcome: ItemOutcome, *, used: bool) -> None:
        """Record a failure, or retry an item that ran out of memory in a used process once, since others may have caused it."""
        task, index = head.part.task, head.index
        assert outcome.failure is not None
        if outcome.failure.kind is FailureKind.OUT_OF_MEMORY and used and index not in task.tried_afresh:
            task.tried_afresh.add(index)
            self._queue.appendleft(Part(task, [index], needs_fresh=True))
        else:
            self._record(head, outcome)

    def _record(self, head: Assignment, outcome: ItemOutcome, index: int | None = None) -> None:
        task = head.part.task
        task.record(head.index if index is None else index, outcome)
        if task.is_done:
            self.finished.append(task)

    # the end of a worker

    def _has_ended(self, worker: WorkerConnection, event: Event) -> None:
        """A worker ended that we did not stop."""
        self._receive(worker)
        if worker.worker_id not in self.workers:
            return
        if worker.head is None and not worker.loaded:
            self._start_failed()
        failure = exit_failures.failure_of_exit(
            event.first, event.second, memory_bytes=self._limits.memory_bytes, loading=worker.is_loading
        )
        self._fail_head(worker, failure)
        self._discard(worker)

    def _overrun(self, worker: WorkerConnection, now: float) -> None:
        head = worker.queue[0]
        if head.is_wanted and worker.kill_at == math.inf:
            worker.kill_at = now + _REPORT_GRACE_S
            self.link.dump(worker.worker_id)
            return
        self._fail_head(worker, exit_failures.too_slow(worker.time_limit_s, loading=worker.is_loading))
        self._replace(worker)

    def _fail_head(self, worker: WorkerConnection, failure: Failure) -> None:
        """Record a failure for the running item, or for the whole part if the model could not be loaded."""
        head = worker.head
        if head is None:
            return
        passed = 1
        if head.is_wanted:
            outcome = ItemOutcome(self._clock() - worker.item_started, None, failure, worker.log_tail())
            if worker.is_loading:
                passed = len(head.part.indices)
                for index in head.part.indices:
                    self._record_once(head, outcome, index)
            else:
                self._settle(worker, head, outcome, used=worker.runs > 0)
        worker.advance(self._clock(), by=passed)

    def _record_once(self, head: Assignment, outcome: ItemOutcome, index: int) -> None:
        if not head.part.task.is_done:
            self._record(head, outcome, index)

    def _replace(self, worker: WorkerConnection) -> WorkerConnection:
        """Kill a worker and requeue its items; returns the worker that replaces it."""
        self.link.kill(worker.worker_id)
        self._discard(worker)
        return self._start_worker()

    def _discard(self, worker: WorkerConnection) -> None:
        """Requeue the items of a worker that has ended or is being killed, and forget it."""
        rests = [assignment.rest() for assignment in worker.queue if assignment.is_wanted]
        self._queue.extendleft(reversed(rests))
        worker.queue.clear()
        worker.close()
        del self.workers[worker.worker_id]

    def _start_failed(self) -> None:
        self._failed_starts += 1
        self._next_start_at = self._clock() + _START_RETRY_S
        if self._failed_starts >= _FAILED_STARTS:
            raise CannotStart("no process for simulations can be started; is there a limit on processes or memory?")

    def _restart_fork_server(self) -> None:
        """The fork server and its workers were killed; kill the processes that their simulations had started."""
        complaint = self.link.complaint()
        self.link.kill_remains()
        for worker in list(self.workers.values()):
            self._receive(worker)
            if worker.worker_id in self.workers:
                self._fail_head(worker, exit_failures.supervisor_lost())
                self._discard(worker)
        self.link.end()
        self._dead_fork_servers += 1
        if self._dead_fork_servers >= _DEAD_FORK_SERVERS:
            raise CannotStart(f"the processes for simulations cannot be started: {complaint or 'they end at once'}")
        self.link = ForkServerLink(self._limits, self._preload)

    # assignment

    def _fill_slots(self) -> None:
        while len(self.workers) < self.slots and self._clock() >= self._next_start_at:
            self._start_worker()

    def _start_worker(self) -> WorkerConnection:
        worker = WorkerConnection.start(next(self._ids), self.link, self._wakeup_in)
        self.workers[worker.worker_id] = worker
        return worker

    def dispatch(self) -> None:
        """Assign parts to idle workers, and short ones ahead to busy workers."""
        while idle := [worker for worker in self.workers.values() if not worker.queue]:
            part = self._next_part() or self._take_back()
            if part is None:
                return
            worker = idle[0]
            if part.needs_fresh:
                worker = next((each for each in idle if each.is_fresh), None) or self._replace(worker)
            worker.assign(next(self._numbers), part, self._clock())
        self._give_ahead()

    def _next_part(self) -> Part | None:
        while self._queue:
            part = self._queue.popleft()
            if not part.task.dropped:
                return part
        return None

    def _give_ahead(self) -> None:
        """Queue short tasks in a worker, so that it need not wait for the executor."""
        while self.workers and (part := self._next_part()) is not None:
            worker = min(self.workers.values(), key=lambda each: each.expected_s)
            if part.needs_fresh or not _may_wait_in(worker, part):
                self._queue.appendleft(part)
                return
            worker.assign(next(self._numbers), part, self._clock())

    def _take_back(self) -> Part | None:
        """A part that waits in a busy worker, for an idle one. Messages of the busy one about it are then ignored."""
        for worker in self.workers.values():
            for waiting in reversed(worker.queue[1:]):
                if waiting.is_wanted:
                    waiting.taken_back = True
                    worker.cancel(waiting)
                    return waiting.rest()
        return None


def _may_wait_in(worker: WorkerConnection, part: Part) -> bool:
    expected = part.expected_s
    if expected is None or expected > _AHEAD_TASK_S or not worker.queue:
        return False
    return len(worker.queue) == 1 or (worker.expected_s < _AHEAD_LINE_S and len(worker.queue) < _AHEAD_MOST)
