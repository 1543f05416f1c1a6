"""A workspace, as lines for people. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mops.cluster.pods import PodState
from mops.workspace.release_ref import Workspace
from mops.workspace.sleep import asleep_text


def status_lines(
    workspace: Workspace, pods: Sequence[PodState], runs: Sequence[str], asleep: datetime | None
) -> list[str]:
    ref, release, binding = workspace.ref, workspace.release, workspace.binding("")
    ready = sum(pod.is_ready for pod in pods)
    workers = workspace.values.workers.replicas
    at_work = f"{workers}, {binding.slots} simulations side by side"
    lines = [
        f"{ref.name}: {release.status}, {ready} of {len(pods)} pods ready",
        f"release     {ref.namespace}/{release.name}, revision {release.revision}, {release.updated:%Y-%m-%d %H:%M:%S} UTC",
        f"scheduler   {binding.address}",
        f"workers     {f'{asleep_text(asleep)}, {workers} when a run comes' if asleep else at_work}",
        f"runs        {', '.join(runs) if runs else 'none at work'}",
    ]
    return lines + pod_lines(pods)


def pod_lines(pods: Sequence[PodState]) -> list[str]:
    """One line per pod, with its trouble if any."""
    return [
        f"pod         {pod.name}: {pod.trouble or pod.state}"
        + (f", {pod.restarts} restarts" if pod.restarts else "")
        + (f", on {pod.node}" if pod.node else "")
        for pod in pods
    ]
