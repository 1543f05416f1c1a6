"""Opens the simulation service of a request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from modelops_runtime.contracts.errors import SpecError
from modelops_runtime.contracts.failures import SimulationError
from modelops_runtime.evaluation.align import Aligner
from modelops_runtime.evaluation.plan import EvaluationPlan
from modelops_runtime.models.loading import ModelDescription
from modelops_runtime.runner.request import RunRequest
from modelops_runtime.runner.setup.model_files import ModelCode, names_pandas
from modelops_runtime.runner.setup.preparation import model_source
from modelops_runtime.runner.setup.spec_errors import mistake
from modelops_runtime.simulation.pool.limits import Limits
from modelops_runtime.simulation.replicates import ReplicateJob
from modelops_runtime.simulation.service import ReplicateService
from modelops_runtime.specs.loading import LoadedSpec


@contextmanager
def opened_service(
    request: RunRequest, code: ModelCode, plan: EvaluationPlan | None, *, keep_tables: bool
) -> Iterator[ReplicateService]:
    """Processes here or on a Dask cluster; everything is cleaned up when the block ends."""
    model = request.loaded.spec.model
    job = ReplicateJob(
        source=model_source(request.loaded, code),
        aligner=plan.aligner if plan is not None else Aligner(()),
        keep_tables=keep_tables,
        particle_filter=plan.particle_filter if plan is not None else None,
        snapshot=code.snapshot,
    )
    limits = Limits(
        timeout_s=model.timeout_s, memory_bytes=model.memory_bytes, threads=model.threads, env=dict(model.env)
    )
    if request.dask is None:
        from modelops_runtime.simulation.local import LocalSimulationService
        from modelops_runtime.simulation.pool.executor import PRELOAD

        preload = (*PRELOAD, "pandas") if names_pandas(code) else PRELOAD
        service: ReplicateService = LocalSimulationService(job, slots=request.slots, limits=limits, preload=preload)
    else:
        from modelops_runtime.simulation.dask.service import DaskSimulationService

        service = DaskSimulationService(request.dask, job, root=code.folder, limits=limits)
    try:
        yield service
    finally:
        service.close(now=True)


def described(loaded: LoadedSpec, service: ReplicateService) -> tuple[ModelDescription | None, list[SpecError]]:
    """The model's description, read in a separate process; or why it cannot be loaded."""
    try:
        return service.describe(), []
    except SimulationError as error:
        failure = error.failure
        if not failure.path:
            raise
        return None, [mistake(loaded, failure.complaints[0], "name a model that can be loaded")]
