"""Where a workspace is, and what a run needs to know about it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import ValidationError

from modelops_runtime.contracts.errors import UserError
from mops.charts.base import Image
from mops.charts.dask_workspace import DaskWorkspaceValues
from mops.cluster.errors import ClusterError, NotOnCluster
from mops.cluster.helm import Helm, Release, unknown_values
from mops.cluster.names import slug, workspace_namespace

CHART = DaskWorkspaceValues.chart
LABEL = "modelops.io/workspace"
"""On a namespace: its runs may reach the workspace in the namespace that the label names."""


@dataclass(frozen=True, kw_only=True)
class DaskBinding:
    """A workspace, as a run sees it."""

    address: str
    """tls://HOST:8786, or tcp://"""
    namespace: str
    secret: str = ""
    """Of the run's own namespace, with ca.crt, tls.crt and tls.key; empty for tcp://."""
    slots: int = 1
    """Simulations side by side on all its workers."""


@dataclass(frozen=True, kw_only=True)
class WorkspaceRef:
    """The release of a workspace."""

    name: str
    release: str
    namespace: str

    @property
    def workers(self) -> str:
        """Name of their Deployment."""
        return f"{self.release}-worker"

    @property
    def sleep_state(self) -> str:
        """Name of the ConfigMap that says since when the workspace is idle or asleep."""
        return f"{self.release}-idle"


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """A workspace that is there."""

    ref: WorkspaceRef
    release: Release
    values: DaskWorkspaceValues = field(repr=False)
    """The chart's defaults included; only what was given counts as set."""

    @property
    def tls(self) -> bool:
        return self.values.tls.enabled

    @property
    def given_secret(self) -> str:
        """ca.crt, tls.crt, tls.key for everybody, where they were given; else empty."""
        return self.values.tls.existing_secret

    @property
    def ca_secret(self) -> str:
        """ca.crt and ca.key of the workspace's own CA."""
        return f"{self.ref.release}-dask-ca"

    @property
    def scheduler(self) -> str:
        """Name of its Service."""
        return f"{self.ref.release}-scheduler"

    @property
    def worker_image(self) -> Image | None:
        """None: the chart's own."""
        workers = self.values.workers
        return workers.image if "image" in workers.model_fields_set else None

    def binding(self, secret: str) -> DaskBinding:
        workers = self.values.workers
        return DaskBinding(
            address=f"{'tls' if self.tls else 'tcp'}://{self.scheduler}.{self.ref.namespace}.svc:8786",
            namespace=self.ref.namespace,
            secret=secret if self.tls else "",
            slots=max(1, workers.replicas * workers.threads),
        )


def find(helm: Helm, name: str, namespace: str | None = None, *, near: str | None = None) -> Workspace:
    """The workspace called `name`: in `namespace` if that is given; else in `near`, in its default namespace, or in any other.

    Raises NotOnCluster.
    """
    nearby = helm.release(slug(name), near) if near and namespace is None else None
    if nearby is not None and _chart_of(nearby) == CHART:
        return workspace_of(name, nearby)
    release = helm.release(slug(name), namespace or workspace_namespace(name))
    if release is None and namespace is None:
        release = _find_anywhere(helm, name)
    if release is None or _chart_of(release) != CHART:
        where = f" in namespace {namespace}" if namespace else ""
        raise NotOnCluster(f"there is no workspace {name!r}{where}", f"`{up_command(name, namespace)}` makes it")
    return workspace_of(name, release)


def workspace_of(name: str, release: Release) -> Workspace:
    """Raises UserError for a release whose values are not those of our chart."""
    try:
        values = DaskWorkspaceValues.of(release.values)
    except ValidationError as error:
        raise UserError(unknown_values(release, error)) from None
    ref = WorkspaceRef(name=name, release=release.name, namespace=release.namespace)
    return Workspace(ref=ref, release=release, values=values)


def up_command(name: str, namespace: str | None = None) -> str:
    """The command that makes it, to be shown."""
    return f"mops workspace up {name}" + (f" --namespace {namespace}" if namespace else "")


def _find_anywhere(helm: Helm, name: str) -> Release | None:
    try:
        listed = helm.releases(CHART)
    except ClusterError:  # without the right to list all namespaces: the user gives one
        return None
    found = [release for release in listed if release.name == slug(name)]
    if len(found) > 1:
        where = ", ".join(release.namespace for release in found)
        raise UserError(f"there are several workspaces {name!r}, in {where}; give --namespace")
    return helm.release(found[0].name, found[0].namespace) if found else None


def _chart_of(release: Release) -> str:
    labels = [
        str((resource["metadata"].get("labels") or {}).get("helm.sh/chart", "")) for resource in release.resources
    ]
    return next((label.rpartition("-")[0] for label in labels if label), "")
