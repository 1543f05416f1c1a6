"""Waits for pods, and explains why one does not start."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mops.cluster.access import Kube
from mops.cluster.errors import ClusterError, translated_errors
from mops.terminal.notify import Notify

if TYPE_CHECKING:
    from kubernetes.client import V1Pod

LOG_LINES = 8
_LOG_START_BYTES = 65_536
_HOPELESS_S = 20.0
"""Seconds of trouble after which a pod counts as failed, so that a flaky registry is tolerated."""

_NO_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError")
_NO_START = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff")


@dataclass(frozen=True, kw_only=True)
class PodState:
    """A pod, in a few words."""

    name: str
    component: str
    """scheduler, worker, database"""
    node: str
    state: str
    """Ready, Running, Succeeded, or why it is not ready yet."""
    is_ready: bool
    restarts: int
    trouble: str = ""
    """Trouble that will not pass by itself."""
    exit_code: int | None = None
    """Of its main container, once that has ended."""


def pods_of(kube: Kube, namespace: str, release: str, component: str = "") -> list[PodState]:
    """The pods of a release that are not terminating, by name."""
    return [state_of(pod) for pod in _pods(kube, namespace, release, component)]


def pods_of_job(kube: Kube, namespace: str, job: str) -> list[PodState]:
    """The pods of a Job that are not terminating, by name."""
    return [state_of(pod) for pod in _live_pods(kube, namespace, f"job-name={job}")]


def _pods(kube: Kube, namespace: str, release: str, component: str) -> list[V1Pod]:
    selector = f"app.kubernetes.io/instance={release}"
    # The pods of the idle check come and go; nobody waits for them.
    return _live_pods(
        kube, namespace, f"{selector},app.kubernetes.io/component{f'={component}' if component else '!=idle'}"
    )


def _live_pods(kube: Kube, namespace: str, selector: str) -> list[V1Pod]:
    with translated_errors(f"looking at the pods in {namespace}"):
        listed = kube.core.list_namespaced_pod(namespace, label_selector=selector).items
    live = [pod for pod in listed if pod.metadata and pod.metadata.deletion_timestamp is None]
    return sorted(live, key=lambda pod: str(pod.metadata and pod.metadata.name))


def state_of(pod: V1Pod) -> PodState:
    """The state of a pod in a few words. Pure."""
    assert pod.metadata
    status: Any = pod.status
    containers = status.container_statuses or []
    waiting = next((c.state.waiting for c in containers if c.state and c.state.waiting), None)
    ended = next((c.state.terminated for c in containers if c.state and c.state.terminated), None)
    last = next((c.last_state.terminated for c in containers if c.last_state and c.last_state.terminated), None)
    ready = bool(containers) and all(c.ready for c in containers)
    unscheduled = next((c for c in status.conditions or [] if c.type == "PodScheduled" and c.status == "False"), None)
    state, trouble = status.phase or "Unknown", ""
    if waiting is not None and waiting.reason:
        state = waiting.reason
        if state in (*_NO_IMAGE, *_NO_START):
            trouble = f"{state}: {_one_line(waiting.message or '')}".rstrip(": ")
            if last is not None:
                trouble = f"{state}: it ended with exit code {last.exit_code} ({last.reason})"
    elif unscheduled is not None:
        state = f"{unscheduled.reason}: {_one_line(unscheduled.message or '')}"
    elif ended is not None and ended.exit_code:
        state = f"{ended.reason} (exit code {ended.exit_code})"
    elif ready:
        state = "Ready"
    return PodState(
        name=pod.metadata.name or "",
        component=(pod.metadata.labels or {}).get("app.kubernetes.io/component", ""),
        node=(pod.spec.node_name if pod.spec else None) or "",
        state=state,
        is_ready=ready,
        restarts=sum(c.restart_count for c in containers),
        trouble=trouble,
        exit_code=None if ended is None else ended.exit_code,
    )


def wait_for(
    kube: Kube,
    namespace: str,
    release: str,
    *,
    is_there: Callable[[list[PodState]], bool],
    timeout_s: float,
    again: str,
    notify: Notify,
) -> None:
    """Wait until `is_there` is true for the release's pods. `again` is the command to continue after a failure.

    Raises ClusterError, with the pod's last log lines, for a pod that will not start, and after `timeout_s`.
    """
    give_up = time.monotonic() + timeout_s
    since: dict[str, float] = {}
    last_text = ""
    while True:
        pods = pods_of(kube, namespace, release)
        if is_there(pods):
            return
        last_text = _notify_once(pods, last_text, notify)
        now = time.monotonic()
        since = {pod.name: since.get(pod.name, now) for pod in pods if pod.trouble}
        failing = [pod for pod in pods if pod.trouble and now - since[pod.name] >= _HOPELESS_S]
        if failing:
            raise failure(kube, namespace, failing[0], f"does not start: {failing[0].trouble}")
        if now >= give_up:
            raise _timed_out(kube, namespace, release, pods, timeout_s, again)
        time.sleep(1)


def _notify_once(pods: Sequence[PodState], last_text: str, notify: Notify) -> str:
    text = waiting_text(pods)
    if text != last_text:
        notify(text)
    return text


def waiting_text(pods: Sequence[PodState]) -> str:
    """`2 of 4 pods ready; ContainerCreating: ws-worker-abc`. Pure."""
    if not pods:
        return "no pod yet"
    pending = [pod for pod in pods if not pod.is_ready and pod.state != "Succeeded"]
    text = f"{len(pods) - len(pending)} of {len(pods)} pods ready"
    return f"{text}; {pending[0].state}: {pending[0].name}" if pending else text


def failure(kube: Kube, namespace: str, pod: PodState, what: str) -> ClusterError:
    """The error that names a pod, its last log lines, and the next command."""
    return ClusterError(
        pod_and_log(kube, namespace, pod, what), f"`kubectl -n {namespace} describe pod {pod.name}` says more"
    )


def pod_and_log(kube: Kube, namespace: str, pod: PodState, what: str) -> str:
    """A line with the pod and `what` happened to it, then its last log lines, indented."""
    lines = [f"pod {namespace}/{pod.name} {what}"]
    lines += [f"  {line}" for line in last_lines(kube, namespace, pod.name)]
    return "\n".join(lines)


def last_lines(kube: Kube, namespace: str, pod: str, count: int = LOG_LINES) -> list[str]:
    """The end of its log, or of the previous container's if this one has none; empty if there is none."""
    from kubernetes.client import ApiException

    for previous in (False, True):
        try:
            text = kube.core.read_namespaced_pod_log(pod, namespace, previous=previous, tail_lines=count)
        except ApiException:
            continue
        if text and text.strip():
            return text.rstrip().splitlines()
    return []


def log_contains(kube: Kube, namespace: str, pod: str, text: str) -> bool:
    """Whether the beginning of its log holds `text`."""
    from kubernetes.client import ApiException

    try:
        return text in kube.core.read_namespaced_pod_log(pod, namespace, limit_bytes=_LOG_START_BYTES)
    except ApiException:
        return False


def _timed_out(
    kube: Kube, namespace: str, release: str, pods: list[PodState], timeout_s: float, again: str
) -> ClusterError:
    unready = next((pod for pod in pods if not pod.is_ready and pod.state != "Succeeded"), None)
    if unready is not None:
        return failure(kube, namespace, unready, f"is not ready after {timeout_s:.0f} s: {unready.state}")
    warning = _last_warning(kube, namespace, release)
    last_text = f": {warning}" if warning else ""
    return ClusterError(
        f"nothing is ready in {namespace} after {timeout_s:.0f} s{last_text}", f"`{again}` goes on waiting"
    )


def _last_warning(kube: Kube, namespace: str, release: str) -> str:
    with translated_errors(f"looking at the events in {namespace}"):
        events = kube.core.list_namespaced_event(namespace, field_selector="type=Warning").items
    ours = [event for event in events if str(event.involved_object.name).startswith(release)]
    return _one_line(ours[-1].message or "") if ours else ""


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 240 else f"{line[:239]}…"


def log_lines(kube: Kube, namespace: str, release: str, component: str, tail: int) -> list[str]:
    """The end of the log of each pod, each line prefixed with the pod's name."""
    lines: list[str] = []
    for pod in pods_of(kube, namespace, release, component):
        lines += [f"{pod.name}  {line}" for line in last_lines(kube, namespace, pod.name, tail)]
    return lines
