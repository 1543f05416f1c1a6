"""`workspace.yaml`: the spec of a workspace, checked as strictly as adaptive.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, Strict, ValidationError

from modelops_runtime.contracts.errors import SpecErrors
from modelops_runtime.options.base import StrictModel
from modelops_runtime.specs.cluster import DNS_LABEL, IMAGE, Replicas, ResourcesSpec, Threads, TolerationSpec
from modelops_runtime.specs.document import FileKind, read_document
from modelops_runtime.specs.messages import mistakes_of
from modelops_runtime.specs.scalars import Duration
from modelops_runtime.specs.values import NonEmpty

Image = Annotated[str, Field(pattern=IMAGE)]
_FILE = FileKind("a workspace.yaml", "workspace.yaml", "begin with version: 1")
_IMAGE_TEXT = "an image reference by tag or digest; left out: the chart's own"


def _whole_version(value: Any) -> Any:
    """1.0 is 1; true is not, although Python treats them as equal."""
    return int(value) if isinstance(value, float) and value.is_integer() else "true" if value is True else value


class SchedulerSpec(StrictModel):
    """The Dask scheduler."""

    image: Image | None = Field(default=None, description=_IMAGE_TEXT)
    node_selector: dict[NonEmpty, str] = Field(default_factory=dict, description="labels a node must have")
    resources: ResourcesSpec = ResourcesSpec()
    tolerations: Annotated[tuple[TolerationSpec, ...], Strict(False)] = ()


class DaskWorkersSpec(SchedulerSpec):
    """The Dask workers, which run the models."""

    replicas: Replicas | None = Field(default=None, description="how many; left out: the chart's 2")
    threads: Threads | None = Field(
        default=None, description="simulations side by side in a worker; left out: the chart's 1"
    )


class DaskSpec(StrictModel):
    """A scheduler and its workers."""

    scheduler: SchedulerSpec = SchedulerSpec()
    workers: DaskWorkersSpec = DaskWorkersSpec()


class WorkspaceSpec(StrictModel):
    """Everything about a workspace."""

    version: Annotated[Literal[1], BeforeValidator(_whole_version)] = Field(description="1, the version of this format")
    namespace: Annotated[str, Field(pattern=DNS_LABEL)] | None = Field(
        default=None, description="a-z, 0-9 and -, up to 63 characters; left out: made of the workspace's name"
    )
    dask: DaskSpec = DaskSpec()
    idle_s: Duration | None = Field(
        default=None,
        alias="idle",
        description="without a run for so long, its workers are scaled to none until one comes",
    )


def load_workspace(path: Path) -> WorkspaceSpec:
    """Read and check a workspace.yaml. Raises SpecErrors with all its mistakes."""
    document, ambiguous = read_document(path, _FILE)
    try:
        spec = WorkspaceSpec.model_validate(document.content)
    except ValidationError as error:
        raise SpecErrors(*ambiguous, *document.errors(mistakes_of(error))) from None
    if ambiguous:
        raise SpecErrors(*ambiguous)
    return spec


def workspace_schema() -> dict[str, Any]:
    """JSON Schema, draft 2020-12, for editors."""
    from modelops_runtime.specs.schema import schema_of

    return schema_of(WorkspaceSpec)
