"""The simulation service of a Dask cluster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from modelops_runtime.contracts.errors import UserError
from modelops_runtime.simulation.dask.scheduler_address import SchedulerAddress
from modelops_runtime.simulation.executor_service import ExecutorService
from modelops_runtime.simulation.pool.limits import Limits
from modelops_runtime.simulation.replicates import ReplicateJob


class DaskSimulationService(ExecutorService):
    """Isolated processes inside each worker of a cluster, one per thread.

    `root` is the model's folder here; it is sent to each worker once. Raises ModelOpsError when the scheduler cannot be
    reached, UserError when the folder is too large to be sent.
    """

    def __init__(self, target: SchedulerAddress, job: ReplicateJob, *, root: Path, limits: Limits) -> None:
        try:
            from modelops_runtime.simulation.dask.executor import DaskExecutor
        except ModuleNotFoundError as error:
            raise UserError(f"{error}: running on Dask needs `pip install 'modelops[dask]'`") from error
        executor = DaskExecutor(target, limits)
        try:
            super().__init__(executor, replace(job, source=replace(job.source, root=str(root))))
        except BaseException:
            executor.close(now=True)
            raise
