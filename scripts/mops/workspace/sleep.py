"""Idle workspaces, whose workers are scaled to none: whether one is asleep, and waking it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from modelops_runtime.pods.idle import Memory
from mops.cluster.access import Kube
from mops.cluster.errors import ClusterError, Forbidden, translated_errors
from mops.terminal.notify import Notify
from mops.workspace.release_ref import Workspace, WorkspaceRef

_MANAGER = "mops"


def asleep_since(kube: Kube, ref: WorkspaceRef) -> datetime | None:
    """When its workers were scaled to none; None if it is awake, or unknown to us."""
    try:
        state: Any = kube.read_or_none(kube.core.read_namespaced_config_map, ref.sleep_state, ref.namespace)
        since = None if state is None else Memory.of(state.data or {}).asleep_since
        if since is None:
            return None
        workers: Any = kube.read_or_none(kube.apps.read_namespaced_deployment, ref.workers, ref.namespace)
    except Forbidden:
        return None
    return None if workers is None or workers.spec.replicas else since.astimezone(UTC)


def asleep_text(since: datetime) -> str:
    """For people. Pure."""
    return f"asleep since {since:%Y-%m-%d %H:%M:%S} UTC"


def wake(kube: Kube, workspace: Workspace, notify: Notify) -> None:
    """Before a run uses it: restore the workers of its release, and restart the idle time.

    Without that right, the workspace does it at its next check after the run has connected.
    """
    ref, replicas = workspace.ref, workspace.values.workers.replicas
    if not workspace.values.idle.enabled:
        return
    try:
        with translated_errors(f"waking workspace {ref.name!r}"):
            kube.core.patch_namespaced_config_map(
                ref.sleep_state, ref.namespace, {"data": {"idleSince": ""}}, field_manager=_MANAGER
            )
        since = asleep_since(kube, ref)
        if since is None:
            return
        with translated_errors(f"waking workspace {ref.name!r}"):
            kube.apps.patch_namespaced_deployment_scale(
                ref.workers, ref.namespace, {"spec": {"replicas": replicas}}, field_manager=_MANAGER
            )
    except Forbidden:
        notify(f"workspace {ref.name}: you may not wake it; should it sleep, it wakes by itself when the run has come")
    except ClusterError as error:
        notify(f"{error.what}; should it sleep, it wakes by itself when the run has come")
    else:
        notify(f"workspace {ref.name}: {asleep_text(since)}; woken, {replicas} workers")
