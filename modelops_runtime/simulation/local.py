"""The simulation service of this machine."""

from __future__ import annotations

from modelops_runtime.simulation.executor_service import ExecutorService
from modelops_runtime.simulation.pool.executor import IsolatedExecutor
from modelops_runtime.simulation.pool.limits import Limits
from modelops_runtime.simulation.replicates import ReplicateJob


class LocalSimulationService(ExecutorService):
    """`slots` isolated processes here."""

    def __init__(self, job: ReplicateJob, *, slots: int, limits: Limits) -> None:
        super().__init__(IsolatedExecutor(slots, limits), job)
