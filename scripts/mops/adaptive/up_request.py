"""The request of `mops adaptive up`: which run, where, on which workspace."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from modelops_runtime.contracts.errors import UserError
from modelops_runtime.specs.cluster import DNS_LABEL
from modelops_runtime.specs.loading import LoadedSpec, load_spec
from mops.adaptive.files import run_files
from mops.adaptive.release_ref import RunRef, ref_of
from mops.adaptive.values import run_values
from mops.charts.adaptive_run import AdaptiveRunValues
from mops.charts.images import sibling_image
from mops.charts.values_files import with_files
from mops.cluster.helm import Helm
from mops.cluster.names import DEFAULT_WORKSPACE
from mops.cluster.pull_secrets import PullSecret
from mops.workspace.release_ref import Workspace
from mops.workspace.release_ref import find as find_workspace


@dataclass(frozen=True, kw_only=True)
class UpRequest:
    """A run, its namespace, and its workspace."""

    loaded: LoadedSpec
    run_id: str
    workspace: str | None = None
    """None: the spec's workspace_ref, else the default."""
    workspace_namespace: str | None = None
    namespace: str | None = None
    flags: str = ""
    """What chose the cluster."""
    values_files: tuple[Path, ...] = ()
    pull_secret: PullSecret = field(default_factory=lambda: PullSecret(None, None))

    @property
    def ref(self) -> RunRef:
        return ref_of(self.run_id, self.namespace, self.flags)

    @property
    def workspace_name(self) -> str:
        return self.workspace or self.loaded.spec.workspace_ref or DEFAULT_WORKSPACE

    def found_workspace(self, helm: Helm) -> Workspace:
        """In the run's namespace if one is given and it is there. Raises NotOnCluster."""
        return find_workspace(helm, self.workspace_name, self.workspace_namespace, near=self.namespace)

    def values(self, workspace: Workspace) -> AdaptiveRunValues:
        worker = workspace.worker_image
        values = run_values(
            self.loaded.spec,
            run_id=self.run_id,
            files=run_files(self.loaded),
            dask=workspace.binding(self.ref.dask_secret),
            image=sibling_image(worker, "adaptive-worker") if worker else None,
            pull_secrets=self.pull_secret.names(),
        )
        return with_files(values, self.values_files)


def up_request(
    spec: Path,
    *,
    run_id: str | None,
    workspace: str | None,
    workspace_namespace: str | None = None,
    namespace: str | None = None,
    flags: str = "",
    values_files: tuple[Path, ...] = (),
    pull_secret: PullSecret | None = None,
) -> UpRequest:
    """Reads and checks the spec. Raises SpecErrors, UserError."""
    loaded = load_spec(spec)
    name = run_id or loaded.spec.name
    if not re.fullmatch(DNS_LABEL, name):
        raise UserError(f"the run's id is {name!r}; it must be a-z, 0-9 and -, up to 63 characters")
    return UpRequest(
        loaded=loaded,
        run_id=name,
        workspace=workspace,
        workspace_namespace=workspace_namespace,
        namespace=namespace,
        flags=flags,
        values_files=values_files,
        pull_secret=pull_secret or PullSecret(None, None),
    )
