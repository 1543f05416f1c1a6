"""From workspace.yaml to the values of the chart `dask-workspace`. Pure: no network, no clock, no secret."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mops.charts.base import Image, given_only
from mops.charts.dask_workspace import DaskWorkersValues, DaskWorkspaceValues, Idle, SchedulerValues
from mops.charts.images import image_of, our_repository
from mops.charts.scheduling import pods_of, resources_of, secrets_named
from mops.workspace.spec import SchedulerSpec, WorkspaceSpec


def workspace_values(
    spec: WorkspaceSpec, *, pull_secrets: Sequence[str] = (), registry: str | None = None
) -> DaskWorkspaceValues:
    """The chart's defaults apply to what the spec leaves out, except the `registry` of its images."""
    workers = spec.dask.workers
    counts = {"replicas": workers.replicas, "threads": workers.threads}
    return DaskWorkspaceValues(
        **given_only(
            image_pull_secrets=secrets_named(pull_secrets),
            scheduler=SchedulerValues(**_component(spec.dask.scheduler, registry, "dask-scheduler")),
            workers=DaskWorkersValues(**_component(workers, registry, "dask-worker"), **given_only(**counts)),
            idle=Idle() if spec.idle_s is None else Idle(enabled=True, after_seconds=math.ceil(spec.idle_s)),
        )
    )


def _component(part: SchedulerSpec, registry: str | None, name: str) -> dict[str, Any]:
    ours = Image(repository=our_repository(name, registry)) if registry else None
    return given_only(
        image=image_of(part.image) if part.image else ours,
        resources=resources_of(part.resources),
        pods=pods_of(part.node_selector, part.tolerations),
    )
