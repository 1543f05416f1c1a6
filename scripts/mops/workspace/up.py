"""`mops workspace up`, `scale`, `down`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from mops.charts.dask_workspace import DaskWorkspaceValues
from mops.charts.values_files import with_files
from mops.cluster.access import Access, Kube
from mops.cluster.changes import changes
from mops.cluster.errors import ClusterError, Forbidden, NotOnCluster, naming_files, translated_errors
from mops.cluster.helm import Helm
from mops.cluster.names import slug, workspace_namespace
from mops.cluster.pods import PodState, wait_for
from mops.cluster.pull_secrets import PullSecret
from mops.terminal.notify import Notify
from mops.workspace.release_ref import LABEL, Workspace, WorkspaceRef, find, up_command
from mops.workspace.sleep import asleep_since, asleep_text
from mops.workspace.spec import WorkspaceSpec
from mops.workspace.values import workspace_values


@dataclass(frozen=True, kw_only=True)
class WorkspaceRequest:
    """A workspace and its namespace."""

    name: str
    spec: WorkspaceSpec
    namespace: str | None = None
    values_files: tuple[Path, ...] = ()
    pull_secret: PullSecret = field(default_factory=lambda: PullSecret(None, None))
    registry: str | None = None
    """The registry of images that neither file nor values name; None: the chart's."""

    @property
    def ref(self) -> WorkspaceRef:
        namespace = self.namespace or self.spec.namespace or workspace_namespace(self.name)
        return WorkspaceRef(name=self.name, release=slug(self.name), namespace=namespace)

    def values(self) -> DaskWorkspaceValues:
        values = workspace_values(self.spec, pull_secrets=self.pull_secret.names(), registry=self.registry)
        return with_files(values, self.values_files)


def preview(access: Access, request: WorkspaceRequest) -> list[str]:
    """What `up` would change."""
    helm, kube, ref = Helm(access), Kube(access), request.ref
    is_there = kube.has_namespace(ref.namespace)
    release = helm.release(ref.release, ref.namespace) if is_there else None
    with naming_files(request.values_files):
        after = helm.preview(ref.release, ref.namespace, request.values(), is_there=is_there)
    lines = [] if is_there else [f"+ Namespace/{ref.namespace}"]
    return lines + changes(release.resources if release else (), after)


def up(access: Access, request: WorkspaceRequest, *, timeout_s: float, notify: Notify) -> Workspace:
    """Create or update the workspace, and wait until it is ready. Safe to run again after any stop."""
    helm, kube, ref = Helm(access), Kube(access), request.ref
    values = request.values()
    # The label lets in runs in this same namespace; `mops adaptive up` sets it on the namespaces of other runs.
    if kube.ensure_namespace(ref.namespace, {LABEL: ref.namespace}):
        notify(f"namespace {ref.namespace}: made")
    request.pull_secret.write(kube, ref.namespace)
    with naming_files(request.values_files):
        return _deploy(helm, kube, ref, values, timeout_s=timeout_s, notify=notify)


def scale(
    access: Access, name: str, namespace: str | None, replicas: int, *, timeout_s: float, notify: Notify
) -> Workspace:
    """Change the number of workers only. Raises NotOnCluster."""
    helm = Helm(access)
    workspace = find(helm, name, namespace)
    ref = workspace.ref
    values = workspace.values.over({"workers": {"replicas": replicas}})
    return _deploy(helm, Kube(access), ref, values, timeout_s=timeout_s, notify=notify)


def _deploy(
    helm: Helm, kube: Kube, ref: WorkspaceRef, values: DaskWorkspaceValues, *, timeout_s: float, notify: Notify
) -> Workspace:
    """Wait until the release is ready, and awake."""
    since = asleep_since(kube, ref)
    revision = helm.deploy(ref.release, ref.namespace, values, timeout_s)
    notify(f"release {ref.namespace}/{ref.release}: revision {revision}")
    if since is not None:
        notify(f"workspace {ref.name}: it was {asleep_text(since)}")
    wait_until_ready(kube, ref, timeout_s=timeout_s, notify=notify)
    return find(helm, ref.name, ref.namespace)


def wait_until_ready(kube: Kube, ref: WorkspaceRef, *, timeout_s: float, notify: Notify) -> None:
    """Wait until its Deployments match the release. Raises ClusterError."""
    wait_for(
        kube,
        ref.namespace,
        ref.release,
        is_there=lambda _: _rolled_out(kube, ref),
        timeout_s=timeout_s,
        again=up_command(ref.name, ref.namespace),
        notify=notify,
    )


def _rolled_out(kube: Kube, ref: WorkspaceRef) -> bool:
    with translated_errors(f"looking at the deployments in {ref.namespace}"):
        found = kube.apps.list_namespaced_deployment(
            ref.namespace, label_selector=f"app.kubernetes.io/instance={ref.release}"
        ).items
    return bool(found) and all(is_rolled_out(one) for one in found)


def is_rolled_out(deployment: Any) -> bool:
    """Whether all its pods have its newest template and are ready, and no others are left. Pure."""
    replicas, status = deployment.spec.replicas, deployment.status
    return (
        (status.observed_generation or 0) >= deployment.metadata.generation
        and (status.replicas or 0) == replicas
        and (status.updated_replicas or 0) == replicas
        and (status.ready_replicas or 0) == replicas
    )


def down(
    access: Access, name: str, namespace: str | None, *, purge: bool, force: bool, timeout_s: float, notify: Notify
) -> None:
    """Remove the workspace. Its CA stays, so that runs can use it again, unless `purge`. Raises NotOnCluster."""
    helm, kube = Helm(access), Kube(access)
    ref = _ref_for_down(helm, name, namespace)
    users = runs_on(kube, ref.namespace)
    if users and not force:
        raise ClusterError(
            f"workspace {name!r} simulates for {', '.join(users)}", "`mops adaptive down` them first, or give --force"
        )
    helm.uninstall(ref.release, ref.namespace, timeout_s)
    wait_for(
        kube, ref.namespace, ref.release, is_there=lambda pods: not pods, timeout_s=timeout_s,
        again=f"mops workspace down {name}", notify=_silent,
    )  # fmt: skip
    notify(f"release {ref.namespace}/{ref.release}: gone")
    if purge:
        _purge(kube, ref, notify)


def _ref_for_down(helm: Helm, name: str, namespace: str | None) -> WorkspaceRef:
    try:
        return find(helm, name, namespace).ref
    except NotOnCluster as error:
        raise NotOnCluster(error.what, f"`mops workspace ls{helm.access.flags}` lists those that are") from None


def runs_on(kube: Kube, namespace: str) -> list[str]:
    """Namespace/release of each active run on the workspace in `namespace`."""
    try:
        with translated_errors("looking for runs"):
            labelled: list[Any] = kube.core.list_namespace(label_selector=f"{LABEL}={namespace}").items
        users = [str(user.metadata.name) for user in labelled]
    except Forbidden:  # then only those in its namespace are visible
        users = [namespace]
    with translated_errors("looking for runs"):
        found: list[Any] = [
            job
            for user in users
            for job in kube.batch.list_namespaced_job(user, label_selector="app.kubernetes.io/name=adaptive-run").items
        ]
    active = [job.metadata for job in found if job.status and job.status.active]
    return sorted({f"{one.namespace}/{one.labels['app.kubernetes.io/instance']}" for one in active})


def _purge(kube: Kube, ref: WorkspaceRef, notify: Notify) -> None:
    with translated_errors(f"deleting the Secrets of {ref.release}"):
        kube.core.delete_collection_namespaced_secret(
            ref.namespace, label_selector=f"app.kubernetes.io/instance={ref.release}"
        )
    notify(f"certificates in {ref.namespace}: gone")
    if kube.is_made_by_mops(ref.namespace) and not _has_releases(kube, ref.namespace):
        kube.delete_namespace(ref.namespace)
        notify(f"namespace {ref.namespace}: going")


def _has_releases(kube: Kube, namespace: str) -> bool:
    with translated_errors(f"looking for releases in {namespace}"):
        return bool(kube.core.list_namespaced_secret(namespace, label_selector="owner=helm").items)


def _silent(_: str) -> None:
    """Shows nothing: the order in which pods disappear is of no interest."""


def as_json(workspace: Workspace, pods: list[PodState], asleep: datetime | None) -> Mapping[str, Any]:
    """For programs."""
    binding = workspace.binding("")
    return {
        "name": workspace.ref.name,
        "namespace": workspace.ref.namespace,
        "release": workspace.ref.release,
        "revision": workspace.release.revision,
        "status": workspace.release.status,
        "scheduler": binding.address,
        "slots": binding.slots,
        "asleep_since": asleep.isoformat() if asleep else None,
        "pods": [{"name": pod.name, "component": pod.component, "state": pod.state, "node": pod.node} for pod in pods],
    }
