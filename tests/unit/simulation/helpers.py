"""An executor with a job that does what its items say."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

from jobs import Actions

from modelops_runtime.contracts.failures import FailureKind
from modelops_runtime.simulation.pool.executor import IsolatedExecutor
from modelops_runtime.simulation.pool.job import ItemOutcome
from modelops_runtime.simulation.pool.limits import MARKER, Limits
from modelops_runtime.simulation.pool.processes import processes_marked
from modelops_runtime.simulation.pool.tasks import TaskFuture
from tests.support.patience import PATIENCE_S

Action = tuple[str, Any]


class Bench:
    """`run(("double", 2))` gives the outcome; a context manager that asserts that no process is left."""

    def __init__(self, *, slots: int = 1, timeout_s: float = 300.0, **limits: Any) -> None:
        self.executor = IsolatedExecutor(slots, Limits(timeout_s=timeout_s, **limits))
        self.job = self.executor.add_job(Actions())

    @property
    def marker(self) -> str:
        return self.executor._scheduler.link._marker

    @property
    def fork_server_pid(self) -> int:
        return self.executor._scheduler.link.pid

    def submit(self, *items: Action) -> TaskFuture:
        return self.executor.submit(self.job, items)

    def run(self, *items: Action) -> list[ItemOutcome]:
        return self.submit(*items).result(PATIENCE_S)

    def one(self, what: str, argument: Any = None) -> ItemOutcome:
        (outcome,) = self.run((what, argument))
        return outcome

    def __enter__(self) -> Bench:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        markers = self.marker
        self.executor.close(now=error is not None)
        assert processes_marked(MARKER, markers) == []


def failed_as(outcome: ItemOutcome) -> FailureKind | None:
    return outcome.failure.kind if outcome.failure else None


def message_of(outcome: ItemOutcome) -> str:
    assert outcome.failure is not None
    return outcome.failure.message


def command_lines(pids: list[int]) -> list[str]:
    """What those processes run; those that have ended are left out."""
    found: list[str] = []
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if text:
            found.append(text.replace(b"\0", b" ").decode().strip())
    return found
