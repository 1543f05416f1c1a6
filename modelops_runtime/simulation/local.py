"""The simulation service of this machine."""

from __future__ import annotations

from collections.abc import Sequence

from modelops_runtime.simulation.executor_service import ExecutorService
from modelops_runtime.simulation.pool.executor import PRELOAD, IsolatedExecutor
from modelops_runtime.simulation.pool.limits import Limits
from modelops_runtime.simulation.replicates import ReplicateJob


class LocalSimulationService(ExecutorService):
    """`slots` isolated processes here, which hold the modules of `preload` from the start."""

    def __init__(self, job: ReplicateJob, *, slots: int, limits: Limits, preload: Sequence[str] = PRELOAD) -> None:
        super().__init__(IsolatedExecutor(slots, limits, preload=preload), job)
