"""What a run loop is given to work with, and how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from modelops_runtime.contracts.simulation import ReplicateOutcome, SimulationService
from modelops_runtime.evaluation.score import Scorer
from modelops_runtime.ledger.base import Lease, Ledger
from modelops_runtime.runner.events import OnEvent
from modelops_runtime.runner.search import Search
from modelops_runtime.runner.setup.settings import SearchSettings
from modelops_runtime.runner.signals import StopRequest

LogSink = Callable[[Lease, Sequence[ReplicateOutcome]], None]


def _nothing() -> None:
    """No check is needed before a result counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopContext:
    """All that a loop works with; clocks and I/O come from outside."""

    run_id: str
    trials: int
    settings: SearchSettings
    ledger: Ledger
    service: SimulationService
    search: Search
    scorer: Scorer
    worker: str
    timeout_s: float
    """Of one simulation: groups stay below it."""
    on_event: OnEvent
    stop: StopRequest
    keep_log: LogSink
    look: Callable[[], None] = _nothing
    """Is called before a result counts. Raises what ends the run, such as ModelChanged."""
    before_s: float = 0.0
    """Seconds from the start of the run to this worker's: its time limit counts from there."""
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class LoopEnd:
    """How a loop ended: the run is over (for everybody), or this worker was asked to stop."""

    interrupted: bool
    simulations: int
    elapsed_s: float
