"""The process that forks workers, watches them, and ensures that none of their processes outlives the executor.

It has one thread and runs no user code, so it forks safely in a few milliseconds and always answers.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import importlib
import os
import selectors
import signal
import socket
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from modelops_runtime.contracts.failures import LOG_LIMIT
from modelops_runtime.simulation.pool import memory, processes, wire
from modelops_runtime.simulation.pool.worker import WorkerSettings, run_worker

_WATCH_S = 0.05
_WATCH_LOGS_S = 0.2
_LOG_CEILING = 32 * 2**20
"""Bytes of a log above which only its end is kept, so that output cannot fill the disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The first message of an executor to its fork server."""

    parent_pid: int
    preload: Sequence[str]
    """Modules to import before the first fork; those that cannot be imported are skipped."""
    settings: WorkerSettings


@dataclass(slots=True)
class _Child:
    worker_id: int
    pid: int
    log: int
    cause: int = wire.BY_ITSELF


class ForkServer:
    """Serves one executor until it closes the connection or ends."""

    def __init__(self, control: socket.socket, hello: Hello) -> None:
        self._control = control
        self._hello = hello
        self._children: dict[int, _Child] = {}
        """By pid."""
        self._selector = selectors.DefaultSelector()
        self._buffer = b""
        self._fds: list[int] = []
        self._oom_kills = memory.kernel_oom_kills()
        self._parent_fd: int | None = None
        self._wake_r, self._wake_w = socket.socketpair()
        self._watch_at = 0.0

    def run(self) -> NoReturn:
        """Serve; then kill everything and exit."""
        try:
            self._prepare()
            while self._parent_lives():
                self._turn()
        finally:
            processes.kill_children_of_self()
            os._exit(0)

    def _prepare(self) -> None:
        processes.adopt_orphans()
        processes.name_process("modelops-fork")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for side in (self._wake_r, self._wake_w):
            side.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_w.fileno(), warn_on_full_buffer=False)
        with contextlib.suppress(AttributeError, OSError):
            self._parent_fd = os.pidfd_open(self._hello.parent_pid)
            self._selector.register(self._parent_fd, selectors.EVENT_READ)
        self._selector.register(self._wake_r, selectors.EVENT_READ)
        for name in self._hello.preload:
            with contextlib.suppress(Exception):
                importlib.import_module(name)
        # Python 3.12 warns of forking with threads; those of BLAS know how to be forked.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        gc.collect()
        gc.freeze()
        self._selector.register(self._control, selectors.EVENT_READ)

    def _parent_lives(self) -> bool:
        return os.getppid() == self._hello.parent_pid

    def _turn(self) -> None:
        for key, _ in self._selector.select(self._pause()):
            if key.fileobj is self._control:
                self._listen()
            elif key.fileobj is self._wake_r:
                with contextlib.suppress(BlockingIOError):
                    self._wake_r.recv(4096)
        self._reap()
        self._watch()

    def _pause(self) -> float | None:
        if self._children:
            return _WATCH_S if self._hello.settings.memory_bytes is not None else _WATCH_LOGS_S
        return None if self._parent_fd is not None else 1.0

    # requests

    def _listen(self) -> None:
        data, fds, _, _ = socket.recv_fds(self._control, wire.CONTROL.size, 3)
        if not data:
            raise SystemExit
        for fd in fds:
            os.set_inheritable(fd, False)
        self._buffer += data
        self._fds += fds
        while len(self._buffer) >= wire.CONTROL.size:
            message, self._buffer = self._buffer[: wire.CONTROL.size], self._buffer[wire.CONTROL.size :]
            kind, worker_id, _, _ = wire.CONTROL.unpack(message)
            if kind == wire.FORK:
                fds, self._fds = self._fds[:3], self._fds[3:]
                self._fork(worker_id, *fds)
            elif kind == wire.KILL:
                self._kill(worker_id, wire.ON_REQUEST)
            elif kind == wire.DUMP:
                self._dump(worker_id)

    def _fork(self, worker_id: int, data: int, wakeup: int, log: int) -> None:
        own_pid = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            for fd in (data, wakeup, log):
                os.close(fd)
            self._report(wire.FORK_FAILED, worker_id, error.errno or errno.EAGAIN, 0)
            return
        if pid == 0:
            try:
                self._forget()
                sockets = socket.socket(fileno=data), socket.socket(fileno=wakeup)
                run_worker(worker_id, own_pid, self._hello.settings, *sockets, log)
            finally:
                os._exit(1)
        os.close(data)
        os.close(wakeup)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        self._children[pid] = _Child(worker_id, pid, log)

    def _forget(self) -> None:
        """In a new worker: close everything of the fork server."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._selector.close()
        for side in (self._control, self._wake_r, self._wake_w):
            side.close()
        for child in self._children.values():
            os.close(child.log)
        if self._parent_fd is not None:
            os.close(self._parent_fd)

    def _find(self, worker_id: int) -> _Child | None:
        return next((child for child in self._children.values() if child.worker_id == worker_id), None)

    def _kill(self, worker_id: int, cause: int) -> None:
        child = self._find(worker_id)
        if child is not None:
            child.cause = child.cause or cause
            processes.kill_tree(child.pid)

    def _dump(self, worker_id: int) -> None:
        child = self._find(worker_id)
        if child is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGUSR2)

    # ends

    def _reap(self) -> None:
        """Report the workers that ended, and kill the processes they left, which this one has adopted."""
        left_something = False
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                break
            left_something = True
            child = self._children.pop(pid, None)
            if child is not None:
                os.close(child.log)
                code = os.waitstatus_to_exitcode(status)
                self._report(wire.EXITED, child.worker_id, code, self._cause(child, code))
        if left_something:
            for pid in children_without(self._children):
                processes.kill_tree(pid)

    def _cause(self, child: _Child, code: int) -> int:
        if child.cause or code != -signal.SIGKILL:
            return child.cause
        kills, self._oom_kills = self._oom_kills, memory.kernel_oom_kills()
        return wire.KERNEL_OOM if self._oom_kills > kills else wire.BY_ITSELF

    def _report(self, kind: int, worker_id: int, first: int, second: int) -> None:
        with contextlib.suppress(OSError):
            self._control.sendall(wire.CONTROL.pack(kind, worker_id, first, second))

    # watch

    def _watch(self) -> None:
        now = time.monotonic()
        if now < self._watch_at:
            return
        self._watch_at = now + _WATCH_S
        limit = self._hello.settings.memory_bytes
        for child in self._children.values():
            if limit is not None and not child.cause and memory.tree_exceeds(child.pid, limit) is not None:
                child.cause = wire.OVER_MEMORY
                processes.kill_tree(child.pid)
            _cut_log(child.log)


def children_without(known: dict[int, _Child]) -> list[int]:
    """Children of this process that are not workers."""
    return [pid for pid in processes.children_of(os.getpid()) if pid not in known]


def _cut_log(fd: int) -> None:
    size = os.fstat(fd).st_size
    if size > _LOG_CEILING:
        end = os.pread(fd, LOG_LIMIT, size - LOG_LIMIT)
        os.ftruncate(fd, 0)
        os.write(fd, end)
