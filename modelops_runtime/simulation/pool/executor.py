"""Runs groups of items in isolated processes, under limits, as futures."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import pickle
import selectors
import socket
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from modelops_runtime.contracts.errors import ModelOpsError
from modelops_runtime.simulation.pool.job import ItemOutcome, Job
from modelops_runtime.simulation.pool.limits import Limits
from modelops_runtime.simulation.pool.scheduler import Scheduler
from modelops_runtime.simulation.pool.tasks import KnownJob, Task, TaskFuture

PRELOAD = (
    "numpy",
    "numpy.random",
    "pyarrow.compute",
    "modelops_runtime.models.arrays",
    "modelops_runtime.models.tables",
    "modelops_runtime.simulation.replicates",
    "modelops_runtime.evaluation.align",
)
"""What nearly every simulation imports; otherwise the first simulation of each process would spend its time limit on it."""


class IsolatedExecutor:
    """`slots` warm processes, each running one item at a time under `limits`.

    A task is a group of items that run one after another in one process; its future gives their outcomes, failures as
    values. An item that kills its process, or is killed, fails alone: the group continues in another process.
    Threads may share an executor; a forked process must not use its parent's. No process outlives it: close
    it, or exit.
    """

    def __init__(self, slots: int, limits: Limits, *, preload: Sequence[str] = PRELOAD) -> None:
        if slots < 1:
            raise ValueError(f"slots is {slots}; it is 1 or more")
        self.slots = slots
        self._limits = limits
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._jobs = itertools.count()
        self._tasks: set[Task] = set()
        self._closing = False
        self._ended = False
        self._broken: BaseException | None = None
        self._shortest_s = limits.timeout_s
        self._sleeps_until = 0.0
        self._scheduler = Scheduler(slots, limits, preload, time.monotonic)
        self._wake_r, self._wake_w = socket.socketpair()
        for side in (self._wake_r, self._wake_w):
            side.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._watched: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._serve, name="modelops-executor", daemon=True)
        self._thread.start()

    def add_job(self, job: Job, *, timeout_s: float | None = None) -> KnownJob:
        """Register a job. It is pickled here, sent to each process once, and loaded there when first needed."""
        limits = self._limits
        known = KnownJob(
            job_id=next(self._jobs),
            pickled=pickle.dumps(job, pickle.HIGHEST_PROTOCOL),
            timeout_s=limits.timeout_s if timeout_s is None else timeout_s,
            load_timeout_s=limits.load_timeout_s,
        )
        self._shortest_s = min(self._shortest_s, known.timeout_s, known.load_timeout_s)
        return known

    def submit(
        self,
        job: KnownJob,
        items: Sequence[Any],
        convert: Callable[[list[ItemOutcome]], Any] = list,
        *,
        fresh: bool = False,
    ) -> TaskFuture:
        """A future of `convert(outcomes)`, one outcome an item, in their order. Items are plain data.

        With `fresh` their process has run nothing before.

        Cancelling it stops its items; others that wait in that process continue.
        Raises ModelOpsError when the executor is closed or its processes cannot be started.
        """
        task = Task(job, items, convert, fresh=fresh)
        task.future = TaskFuture(lambda: self._drop(task), lambda: self._is_running(task))
        with self._lock:
            self._refuse_if_unusable()
            self._tasks.add(task)
            if items:
                self._scheduler.add(task)
            else:
                self._scheduler.finished.append(task)
            self._wake_if_needed()
        return task.future

    def close(self, *, now: bool = False) -> None:
        """Kill all processes and their children. Waits for submitted tasks, or with `now` cancels them."""
        if os.getpid() != self._pid:
            return  # a fork: the processes are its parent's
        with self._lock:
            self._closing = True
            if not now and threading.current_thread() is not self._thread:
                self._changed.wait_for(lambda: not self._tasks)
            if self._ended:
                return
            self._ended = True
            unfinished = list(self._tasks)
        self._wake()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        with self._lock:
            self._scheduler.close()
            self._selector.close()
            self._wake_r.close()
            self._wake_w.close()
        for task in unfinished:
            task.future.cancel()

    def __enter__(self) -> IsolatedExecutor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(now=error is not None)

    def _refuse_if_unusable(self) -> None:
        if os.getpid() != self._pid:
            raise ModelOpsError("this process was forked from the one that runs simulations; make a service of its own")
        if self._broken is not None:
            raise self._broken
        if self._closing:
            raise ModelOpsError("the simulation service is closed")

    def _drop(self, task: Task) -> None:
        with self._lock:
            self._tasks.discard(task)
            self._changed.notify_all()
            if not self._ended:
                self._scheduler.drop(task)
                self._wake()

    def _is_running(self, task: Task) -> bool:
        with self._lock:
            return self._scheduler.is_running(task)

    # the thread

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake_w.send(b"\0")

    def _wake_if_needed(self) -> None:
        scheduler = self._scheduler
        if (
            scheduler.finished
            or scheduler.deadline < self._sleeps_until
            or any(w.outbox for w in scheduler.workers.values())
        ):
            self._wake()

    def _serve(self) -> None:
        try:
            while self._turn():
                pass
        except BaseException as error:
            self._break(error)

    def _turn(self) -> bool:
        """Wait for events, handle them, resolve finished tasks. False at the end."""
        with self._lock:
            if self._ended:
                return False
            self._watch()
            # A task submitted meanwhile cannot be late before then, so its submitter need not wake us.
            now = time.monotonic()
            self._sleeps_until = min(self._scheduler.deadline, now + self._shortest_s)
            pause = None if self._sleeps_until == math.inf else max(0.0, self._sleeps_until - now)
        ready = self._selector.select(pause)
        with self._lock:
            if self._ended:
                return False
            self._act_on([key.fileobj for key, _ in ready])
            finished, self._scheduler.finished = self._scheduler.finished, []
        for task in finished:
            task.resolve()
        if finished:
            with self._lock:
                self._tasks.difference_update(finished)
                self._changed.notify_all()
        return True

    def _watch(self) -> None:
        """Update the selector: the fork server may have been replaced, sockets may be full or writable again."""
        scheduler = self._scheduler
        wanted = {self._wake_r: selectors.EVENT_READ, scheduler.wakeup: selectors.EVENT_READ}
        wanted[scheduler.link.control] = selectors.EVENT_READ
        for worker in scheduler.workers.values():
            if worker.outbox:
                wanted[worker.data] = selectors.EVENT_WRITE
        if wanted.keys() != self._watched:
            for sock in self._watched - wanted.keys():
                self._selector.unregister(sock)
            for sock in wanted.keys() - self._watched:
                self._selector.register(sock, wanted[sock])
            self._watched = set(wanted)

    def _act_on(self, ready: list[Any]) -> None:
        scheduler = self._scheduler
        for sock in ready:
            if sock is self._wake_r:
                with contextlib.suppress(BlockingIOError):
                    self._wake_r.recv(4096)
            elif sock is scheduler.wakeup:
                scheduler.on_wakeup()
            elif sock is scheduler.link.control:
                scheduler.on_control()
        for worker in scheduler.workers.values():
            if worker.outbox:
                worker.flush()
        if scheduler.deadline <= time.monotonic():
            scheduler.on_time()

    def _break(self, error: BaseException) -> None:
        """Nothing can run any more: set the error on all pending futures."""
        with self._lock:
            self._broken = error
            unfinished = list(self._tasks)
            self._tasks.clear()
            self._changed.notify_all()
        for task in unfinished:
            task.break_off(error)
