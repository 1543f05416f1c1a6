"""The process that simulations run in: forked by the fork server, warm, one item after another."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from modelops_runtime.contracts.failures import FailureKind
from modelops_runtime.simulation.pool import memory, processes, wire
from modelops_runtime.simulation.pool.capture import OutputCapture, out_of_the_way
from modelops_runtime.simulation.pool.job import Job, PlainFailure, describe_plainly, end_of_log, explain

CONNECTION_GONE = 113
"""Exit code of a worker that has lost the connection to its executor."""

_RECYCLE_AFTER = 1_000
_LOADING_SHARE = 0.01
_THREADS_LEFT = 32
_CHUNK = 262_144


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """Settings shared by the workers of one executor."""

    memory_bytes: int | None
    recycle_after: int | None


def is_worn(runs: int, *, recycle_after: int | None, age_s: float, load_s: float) -> bool:
    """Whether a process that has run this many simulations should be replaced.

    Without a given number, not until loading the model takes less than a hundredth of its age.
    """
    if recycle_after is not None:
        return runs >= recycle_after
    return runs >= _RECYCLE_AFTER and load_s <= _LOADING_SHARE * age_s


class _Loaded:
    """A loaded job: its function, or why it could not be loaded."""

    def __init__(self, pickled: bytes) -> None:
        self._pickled = pickled
        self.job: Job | None = None
        self.run: Callable[[Any], Any] | None = None
        self.problem: tuple[PlainFailure, str] | None = None

    @property
    def is_loaded(self) -> bool:
        return self.run is not None or self.problem is not None

    def load(self) -> None:
        try:
            job: Job = pickle.loads(self._pickled)
            self.job = job
            self.run = job.load()
        except BaseException as error:
            if self.job is not None:
                self.problem = explain(self.job, error)
            else:
                line, trace = describe_plainly(error)
                self.problem = (FailureKind.MODEL_ERROR, line, (), None), trace
        self._pickled = b""


class Worker:
    """One worker process, from the inside."""

    def __init__(self, worker_id: int, settings: WorkerSettings, data: socket.socket, wakeup: socket.socket, log: int):
        self._wakeup_message = wire.NUMBER.pack(worker_id)
        self._settings = settings
        self._data = data
        self._wakeup = wakeup
        self._pid = os.getpid()
        self._reader = wire.FrameReader()
        self._tasks: deque[bytes] = deque()
        self._cancelled: set[int] = set()
        self._jobs: dict[int, _Loaded] = {}
        self._capture = OutputCapture(log)
        self._folder = os.getcwd()
        self._began = time.monotonic()
        self._load_s = 0.0
        self._runs = 0

    def serve(self) -> None:
        """Serve until the executor closes the connection."""
        while True:
            while not self._tasks:
                self._receive(0)
            self._run_task(self._tasks.popleft())

    # messages

    def _receive(self, flags: int) -> None:
        data = self._data.recv(_CHUNK, flags)
        if not data:
            os._exit(0)
        for kind, body in self._reader.feed(data):
            if kind == wire.TASK:
                self._tasks.append(body)
            elif kind == wire.JOB:
                (job_id,) = wire.JOB_HEAD.unpack_from(body)
                self._jobs[job_id] = _Loaded(body[wire.JOB_HEAD.size :])
            elif kind == wire.CANCEL:
                self._cancelled.add(wire.NUMBER.unpack(body)[0])

    def _receive_what_is_there(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._receive(socket.MSG_DONTWAIT)

    def _send(self, message: bytes, *, ring: bool) -> None:
        """The executor reads when it is woken: at the end of a task, or when no more fits in the socket."""
        view = memoryview(message)
        while view:
            try:
                sent = self._data.send(view, socket.MSG_DONTWAIT)
                view = view[sent:]
            except BlockingIOError:
                self._wakeup.send(self._wakeup_message)
                select.select([], [self._data], [])
        if ring:
            self._wakeup.send(self._wakeup_message)

    # tasks

    def _run_task(self, body: bytes) -> None:
        number, job_id = wire.TASK_HEAD.unpack_from(body)
        loaded = self._jobs[job_id]
        if not loaded.is_loaded:
            begin = time.monotonic()
            loaded.load()
            self._load_s += time.monotonic() - begin
            self._come_back()
            self._send(
                wire.frame(wire.LOADED, wire.LOADED_HEAD.pack(job_id, time.monotonic(), self._load_s)), ring=True
            )
        items = pickle.loads(memoryview(body)[wire.TASK_HEAD.size :])
        for position, item in enumerate(items):
            self._receive_what_is_there()
            if number in self._cancelled:
                self._cancelled.discard(number)
                self._send(wire.frame(wire.SKIPPED, wire.NUMBER.pack(number)), ring=True)
                return
            self._run_item(loaded, number, position, item, last=position == len(items) - 1)
        self._cancelled.discard(number)

    def _run_item(self, loaded: _Loaded, number: int, position: int, item: Any, *, last: bool) -> None:
        begin = time.perf_counter()
        body, failed_as = self._outcome(loaded, item)
        seconds = time.perf_counter() - begin
        self._runs += 1
        worn = is_worn(
            self._runs,
            recycle_after=self._settings.recycle_after,
            age_s=time.monotonic() - self._began,
            load_s=self._load_s,
        )
        retiring = worn or failed_as == FailureKind.OUT_OF_MEMORY or threading.active_count() > _THREADS_LEFT
        head = wire.ITEM_HEAD.pack(number, position, time.monotonic(), seconds, wire.RETIRING if retiring else 0)
        self._send(wire.frame(wire.ITEM, head, body), ring=last or retiring)
        if retiring:
            os._exit(0)

    def _outcome(self, loaded: _Loaded, item: Any) -> tuple[bytes, str | None]:
        """The pickled (value, failure, log) of one item, and the failure's kind."""
        value: Any = None
        failure, trace = loaded.problem or (None, "")
        if loaded.run is not None and loaded.job is not None:
            try:
                value = loaded.run(item)
            except BaseException as error:
                failure, trace = explain(loaded.job, error)
        if os.getpid() != self._pid:
            os._exit(0)  # the model forked, and its child returned here
        self._come_back()
        printed = self._capture.take()
        log = end_of_log(printed, trace) if printed or trace else ""
        try:
            return pickle.dumps((value, failure, log), pickle.HIGHEST_PROTOCOL), failure and failure[0]
        except BaseException as error:
            line, trace = describe_plainly(error)
            failure = (FailureKind.BAD_OUTPUT, f"the result cannot be sent: {line}", (), None)
            return pickle.dumps((None, failure, end_of_log(log, trace))), failure[0]

    def _come_back(self) -> None:
        """Remove what would affect the next simulation: child processes, timers, a changed folder."""
        processes.kill_children_of_self()
        signal.setitimer(signal.ITIMER_REAL, 0)
        try:
            moved = os.getcwd() != self._folder
        except OSError:
            moved = True
        if moved:
            with contextlib.suppress(OSError):
                os.chdir(self._folder)


def run_worker(
    worker_id: int, fork_server_pid: int, settings: WorkerSettings, data: socket.socket, wakeup: socket.socket, log: int
) -> NoReturn:
    """Run the worker in the forked process; never returns."""
    code = CONNECTION_GONE
    try:
        _become_a_worker(settings)
        if os.getppid() != fork_server_pid:
            os._exit(code)  # the parent ended before we asked to be killed with it
        data = socket.socket(fileno=out_of_the_way(data.detach()))
        wakeup = socket.socket(fileno=out_of_the_way(wakeup.detach()))
        Worker(worker_id, settings, data, wakeup, out_of_the_way(log)).serve()
    except OSError:
        pass  # the executor is gone, or the model has broken the connection
    except BaseException as error:
        code = 1
        with contextlib.suppress(Exception):
            os.write(2, describe_plainly(error)[1].encode(errors="backslashreplace"))
    finally:
        os._exit(code)


def _become_a_worker(settings: WorkerSettings) -> None:
    import resource

    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    processes.die_with_parent()
    processes.adopt_orphans()
    processes.name_process("modelops-sim")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if settings.memory_bytes is not None:
        memory.limit_own_data(settings.memory_bytes)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - it lives as long as the process
