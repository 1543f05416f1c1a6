"""Tasks of an executor: groups of items, the parts that still have to run, and their futures."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from typing import Any

from modelops_runtime.simulation.pool.job import ItemOutcome

_WEIGHT = 0.1


class TaskFuture(Future[Any]):
    """A future whose `cancel` also stops what runs. Its callbacks run in the executor's thread, or in the canceller's."""

    def __init__(self, stop: Callable[[], None], is_running: Callable[[], bool]) -> None:
        super().__init__()
        self._stop = stop
        self._is_running = is_running

    def running(self) -> bool:
        return not self.done() and self._is_running()

    def cancel(self) -> bool:
        if self.cancelled():
            return True
        if not super().cancel():
            return False
        with contextlib.suppress(InvalidStateError, RuntimeError):
            self.set_running_or_notify_cancel()  # so that `wait` and `as_completed` see it
        self._stop()
        return True


@dataclass(slots=True, kw_only=True)
class KnownJob:
    """An executor's record of a job."""

    job_id: int
    pickled: bytes
    timeout_s: float
    load_timeout_s: float
    mean_s: float | None = None
    """Mean time of an item; recent items weigh more."""

    def measured(self, seconds: float) -> None:
        """Add an item's time to the mean."""
        self.mean_s = seconds if self.mean_s is None else self.mean_s + _WEIGHT * (seconds - self.mean_s)


class Task:
    """A group of items with one future, which resolves once each item has its outcome."""

    def __init__(
        self, job: KnownJob, items: Sequence[Any], convert: Callable[[list[ItemOutcome]], Any], *, fresh: bool = False
    ) -> None:
        self.job = job
        self._fresh = fresh
        self._items = items
        self._pickled = pickle.dumps(list(items), pickle.HIGHEST_PROTOCOL)
        self.future: TaskFuture
        self.dropped = False
        self.tried_afresh: set[int] = set()
        """Items that ran out of memory in a used process, and are retried once in a fresh one."""
        self._convert = convert
        self._outcomes: list[ItemOutcome | None] = [None] * len(items)
        self._missing = len(items)

    @property
    def is_done(self) -> bool:
        return self._missing == 0

    def whole(self) -> Part:
        """All of it."""
        return Part(self, range(len(self._items)), needs_fresh=self._fresh)

    def pickled(self, indices: Sequence[int]) -> bytes:
        """These items, pickled as a list."""
        if len(indices) == len(self._items):
            return self._pickled
        return pickle.dumps([self._items[index] for index in indices], pickle.HIGHEST_PROTOCOL)

    def record(self, index: int, outcome: ItemOutcome) -> None:
        """Record the outcome of an item; only the first counts."""
        if self._outcomes[index] is None:
            self._outcomes[index] = outcome
            self._missing -= 1

    def resolve(self) -> None:
        """Set the future's result. Call without a lock: its callbacks run here."""
        if self.future.done():
            return
        with contextlib.suppress(InvalidStateError):
            try:
                result = self._convert([outcome for outcome in self._outcomes if outcome is not None])
            except BaseException as error:
                self.future.set_exception(error)
            else:
                self.future.set_result(result)

    def break_off(self, error: BaseException) -> None:
        """Set an exception on the future, because nothing can run any more."""
        with contextlib.suppress(InvalidStateError):
            self.future.set_exception(error)


@dataclass(slots=True)
class Part:
    """Items of a task that run, or wait to run, in one worker."""

    task: Task
    indices: Sequence[int]
    needs_fresh: bool = False
    """Only in a process that has run nothing before."""

    @property
    def expected_s(self) -> float | None:
        """Expected duration; None until an item was measured."""
        mean = self.task.job.mean_s
        return None if mean is None else mean * len(self.indices)


@dataclass(slots=True)
class Assignment:
    """A part that was sent to a worker."""

    number: int
    part: Part
    position: int = 0
    """Index in the part of the item that runs now or next."""
    taken_back: bool = False
    """Moved to another worker; messages about it are ignored."""

    @property
    def is_wanted(self) -> bool:
        return not self.taken_back and not self.part.task.dropped

    @property
    def index(self) -> int:
        """The index in the task of the item at `position`."""
        return self.part.indices[self.position]

    @property
    def is_over(self) -> bool:
        return self.position >= len(self.part.indices)

    def rest(self, skip: int = 0) -> Part:
        """The items that have not run, without the first `skip`."""
        return Part(self.part.task, self.part.indices[self.position + skip :])
