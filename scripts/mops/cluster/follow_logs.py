"""Follows the logs of a release's pods, including pods that join later."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from mops.cluster.access import Kube
from mops.cluster.errors import ClusterError, Forbidden, translated_errors
from mops.cluster.pods import PodState, pods_of

_POLL_S = 2.0
"""Seconds between checks for new pods."""

_UNREACHABLE_S = 120.0
"""Seconds without an answer of the cluster after which following ends."""

_QUIET_S, _LAST_S = 3.0, 30.0
"""After the end: seconds without a line, and seconds in all, after which following stops."""

_TIMEOUT_S = (10, 60)
"""Seconds to connect, and between two lines: a silent connection may be dead, so it is replaced."""

_STAMP = re.compile(r"\d{4}-\d\d-\d\dT")

Lines = SimpleQueue[str | ClusterError]


@dataclass
class Tail:
    """How far the log of one pod has been read."""

    pod: str
    first: int | None
    """The number of last lines to begin with; None: all."""
    thread: Thread | None = None
    seen: str = ""
    """Timestamp of the last line, in a form that sorts."""
    seen_at: float | None = None
    """When that came, or the log was first opened; on the monotonic clock."""
    ended: set[int] = field(default_factory=set[int])
    """Restarts whose log has been read to its end."""

    def new_line(self, raw: str, now: float) -> str | None:
        """The line without its timestamp; None if it was seen before, or has none and so is the node's, not the pod's."""
        stamp, _, line = raw.partition(" ")
        if not _STAMP.match(stamp):
            return None
        stamp = sortable_timestamp(stamp)
        if stamp <= self.seen:
            return None
        self.seen, self.seen_at = stamp, now
        return line


def sortable_timestamp(stamp: str) -> str:
    """`2026-01-02T03:04:05.6Z` with all nine digits of its nanoseconds: the zeros at the end are left out otherwise. Pure."""
    whole, _, fraction = stamp.removesuffix("Z").partition(".")
    return f"{whole}.{fraction:0<9}"


def follow_logs(
    kube: Kube, namespace: str, release: str, component: str, tail: int, *, is_over: Callable[[], bool]
) -> Iterator[str]:
    """Each new line prefixed with its pod's name, after `tail` old ones, until `is_over`. Raises ClusterError, Forbidden."""
    lines, tails, answered, first = Lines(), dict[str, Tail](), time.monotonic(), tail
    while True:
        try:
            over, pods = is_over(), pods_of(kube, namespace, release, component)
        except Forbidden:
            raise
        except ClusterError:
            if time.monotonic() - answered > _UNREACHABLE_S:
                raise
        else:
            answered = time.monotonic()
            for pod in pods:
                _read_on(kube, namespace, pod, tails.setdefault(pod.name, Tail(pod.name, first)), lines)
            if over:
                yield from _remaining_lines(lines, tails)
                return
            first = None  # pods that join from now on are shown from their beginning
        yield from _lines_within(lines, _POLL_S)


def _read_on(kube: Kube, namespace: str, pod: PodState, tail: Tail, lines: Lines) -> None:
    """Start a reading thread, unless one runs or there is nothing left."""
    if (tail.thread is None or not tail.thread.is_alive()) and pod.restarts not in tail.ended:
        tail.thread = Thread(target=_read, args=(kube, namespace, pod, tail, lines), daemon=True)
        tail.thread.start()


def _read(kube: Kube, namespace: str, pod: PodState, tail: Tail, lines: Lines) -> None:
    """Read until the log or the connection ends; the next check opens it again."""
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    try:
        for raw in _opened(kube, namespace, tail):
            line = tail.new_line(raw.decode(errors="replace").rstrip("\n"), time.monotonic())
            if line is not None:
                lines.put(f"{pod.name}  {line}")
    except ApiException as error:
        if error.status == 403:
            lines.put(_translated(namespace, pod, error))
        return  # not running yet, or gone
    except (HTTPError, OSError):
        return
    if pod.exit_code is not None:
        tail.ended.add(pod.restarts)


def _opened(kube: Kube, namespace: str, tail: Tail) -> Any:
    now = time.monotonic()
    begin: dict[str, Any]
    if tail.seen_at is None:
        begin = {} if tail.first is None else {"tail_lines": tail.first}
    else:
        begin = {"since_seconds": math.ceil(now - tail.seen_at) + 2}
    opened = kube.core.read_namespaced_pod_log(
        tail.pod, namespace, follow=True, timestamps=True, _preload_content=False, _request_timeout=_TIMEOUT_S, **begin
    )
    tail.seen_at = tail.seen_at or now
    return opened


def _translated(namespace: str, pod: PodState, error: Exception) -> ClusterError:
    try:
        with translated_errors(f"reading the log of {namespace}/{pod.name}"):
            raise error
    except ClusterError as ours:
        return ours


def _lines_within(lines: Lines, seconds: float) -> Iterator[str]:
    """What comes in that time."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            line = lines.get(timeout=left)
        except Empty:
            return
        if isinstance(line, ClusterError):
            raise line
        yield line


def _remaining_lines(lines: Lines, tails: dict[str, Tail]) -> Iterator[str]:
    """The last lines of the pods, without waiting for a pod that keeps logging, such as a database."""
    until = quiet_until = time.monotonic() + _LAST_S
    while (now := time.monotonic()) < min(until, quiet_until):
        reading = any(tail.thread and tail.thread.is_alive() for tail in tails.values())
        came = list(_lines_within(lines, 0.1))
        yield from came
        if not came and not reading:
            return
        if came or quiet_until == until:
            quiet_until = now + _QUIET_S
