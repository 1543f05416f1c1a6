"""From workspace.yaml to the values of the chart `dask-workspace`. Pure: no network, no clock, no secret."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mops.charts.parts import filled, image_parts, named, our_repository, resources, tolerations
from mops.charts.values_files import Values
from mops.workspace.spec import SchedulerSpec, WorkspaceSpec


def workspace_values(spec: WorkspaceSpec, *, pull_secrets: Sequence[str] = (), registry: str | None = None) -> Values:
    """The values of `dask-workspace`; what the spec leaves out is left to the chart, but for the `registry` of its images."""
    workers = spec.dask.workers
    counted = {"replicas": workers.replicas, "threads": workers.threads}
    given = {key: value for key, value in counted.items() if value is not None}
    return filled(
        imagePullSecrets=named(pull_secrets),
        scheduler=_component(spec.dask.scheduler, registry, "dask-scheduler"),
        workers=_component(workers, registry, "dask-worker") | given,
        idle={} if spec.idle_s is None else {"enabled": True, "afterSeconds": math.ceil(spec.idle_s)},
    )


def _component(part: SchedulerSpec, registry: str | None, image: str) -> Values:
    ours = {"repository": our_repository(image, registry)} if registry else {}
    return filled(
        image=image_parts(part.image) if part.image else ours,
        resources=resources(part.resources),
        pods=filled(nodeSelector=dict(part.node_selector), tolerations=tolerations(part.tolerations)),
    )
