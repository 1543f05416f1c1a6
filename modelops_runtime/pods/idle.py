"""Scales the workers of a workspace to none when it has not been used for a while, and back when it is used again.

`python -m modelops_runtime.pods.idle --metrics http://SCHEDULER:8787/metrics --deployment NAME --state NAME
--namespace NS --replicas N --after SECONDS` checks once and decides once; a CronJob of the chart `dask-workspace` runs it every
few minutes. A workspace is used while it has a client: a run holds one from its first trial to its end. What a check must
remember is in a ConfigMap, so the only rights it needs are to scale one Deployment and to change that object.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from modelops_runtime.contracts.errors import ModelOpsError, Unreachable
from modelops_runtime.contracts.plain_text import plain_streams
from modelops_runtime.pods.scale import ChangedMeanwhile, Cluster

T = TypeVar("T")

_PATIENCE_S = 60.0
"""NetworkPolicies admit a pod a moment after it has started."""

_TIMEOUT_S = 10.0
_METRIC = re.compile(r'^dask_scheduler_(\w+)(?:\{state="([\w-]+)"\})? (\S+)$', re.MULTILINE)
_WORK = ("waiting", "no-worker", "queued", "processing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What one check stores for the next."""

    idle_since: datetime | None = None
    """When the workspace was first seen without a client, by the clock of the pod that checked."""
    asleep_since: datetime | None = None
    """When its workers were scaled to none for that reason; None while it is awake."""
    connections: int = 0
    """How many clients the scheduler had seen by then; another number means that it was used since the last check."""

    @classmethod
    def of(cls, data: Mapping[str, str]) -> Memory:
        """From the data of the ConfigMap; unreadable values count as unknown."""
        connections = data.get("connections") or ""
        return cls(
            idle_since=_time(data.get("idleSince")),
            asleep_since=_time(data.get("asleepSince")),
            connections=int(connections) if connections.isdecimal() else 0,
        )

    def as_data(self) -> dict[str, str]:
        return {
            "idleSince": self.idle_since.isoformat() if self.idle_since else "",
            "asleepSince": self.asleep_since.isoformat() if self.asleep_since else "",
            "connections": str(self.connections),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """The use of a workspace, as its scheduler reports it."""

    clients: int
    tasks: int
    """Tasks that run or wait."""
    connections: int
    """Clients that have connected since the scheduler started."""
    workers: int

    @property
    def is_idle(self) -> bool:
        return self.clients == 0 and self.tasks == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do now, and what to store."""

    memory: Memory
    said: str
    replicas: int | None = None
    """None: leave the number of workers."""


def decide(memory: Memory, use: Use, *, replicas: int, wanted: int, after_s: float, now: datetime) -> Decision:
    """Decide. `replicas` is the present number of workers, `wanted` the number while the workspace is awake. Pure.

    Only a workspace that was put to sleep here is woken: workers that a user scaled to none stay at none.
    """
    fresh = Memory(idle_since=now if use.is_idle else None, connections=use.connections)
    if replicas == 0:
        if memory.asleep_since is None or wanted == 0:
            return Decision(memory=fresh, said="there are no workers to scale down")
        if use.is_idle:
            return Decision(memory=replace(memory, connections=use.connections), said="still asleep")
        if use.workers:  # a worker that ends is a client while it hands over its results
            return Decision(memory=memory, said=f"{use.workers} workers have not ended yet")
        return Decision(memory=fresh, replicas=wanted, said=f"woken by {_users(use)}: {wanted} workers")
    if not use.is_idle:
        return Decision(memory=fresh, said=f"in use by {_users(use)}")
    if memory.asleep_since is not None:
        return Decision(memory=fresh, said="it was woken")
    if memory.idle_since is None or memory.idle_since > now or memory.connections != use.connections:
        return Decision(memory=fresh, said="idle from now on")
    idle_s = (now - memory.idle_since).total_seconds()
    if idle_s < after_s:
        return Decision(memory=memory, said=f"idle for {idle_s:.0f} s of {after_s:.0f} s")
    asleep = replace(memory, asleep_since=now)
    return Decision(memory=asleep, replicas=0, said=f"idle for {idle_s:.0f} s: {replicas} workers scaled to none")


def use_of(metrics: str) -> Use:
    """From the Prometheus metrics of the scheduler. Raises Unreachable if they are not those of a scheduler. Pure."""
    found = {(name, state): float(number) for name, state, number in _METRIC.findall(metrics)}
    try:
        return Use(
            clients=int(found["clients", ""]),
            tasks=int(sum(found["tasks", state] for state in _WORK)),
            connections=int(found["client_connections_added_total", ""]),
            workers=int(sum(number for (name, _), number in found.items() if name == "workers")),
        )
    except KeyError as error:
        raise Unreachable(f"the scheduler's metrics hold no dask_scheduler_{error.args[0][0]}") from None


def look(cluster: Cluster, metrics: str, *, wanted: int, after_s: float, patience_s: float) -> str:
    """Check once, decide and act; returns the decision in words. Raises Unreachable, ChangedMeanwhile, ModelOpsError."""
    give_up = time.monotonic() + patience_s
    data, version = patiently(cluster.memory, give_up)
    use = use_of(patiently(lambda: _read(metrics), give_up))
    memory, now = Memory.of(data), datetime.now(UTC)
    decided = decide(memory, use, replicas=cluster.replicas(), wanted=wanted, after_s=after_s, now=now)
    if decided.replicas:
        cluster.scale(decided.replicas)
    # Stored before the workers are scaled: if the object was changed meanwhile, a run is about to start, and nothing is scaled.
    if decided.memory != memory:
        cluster.remember(decided.memory.as_data(), version)
    if decided.replicas == 0:
        cluster.scale(0)
    return decided.said


def patiently(ask: Callable[[], T], give_up: float) -> T:
    """Ask again until there is an answer, or until `give_up` on the monotonic clock. Raises Unreachable."""
    while True:
        try:
            return ask()
        except Unreachable:
            if time.monotonic() > give_up:
                raise
            time.sleep(1)


def _read(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
            return answer.read().decode()
    except (OSError, urllib.error.URLError) as error:
        raise Unreachable(f"the scheduler does not answer at {url} ({error})") from error


def _users(use: Use) -> str:
    return f"{use.clients} clients with {use.tasks} tasks"


def _time(text: str | None) -> datetime | None:
    try:
        read = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return read if read.tzinfo else None


def main(args: Sequence[str] | None = None) -> int:
    """Check once; returns the exit code."""
    options = _parser().parse_args(args)
    try:
        cluster = Cluster.from_inside(options.namespace, options.deployment, options.state)
        said = look(
            cluster, options.metrics, wanted=options.replicas, after_s=options.after, patience_s=options.patience
        )
    except ChangedMeanwhile:
        said = "somebody else was at it; the next look decides"
    except ModelOpsError as error:
        print(f"idle: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"idle: {said}")  # noqa: T201
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m modelops_runtime.pods.idle", description=__doc__)
    parser.add_argument("--metrics", metavar="URL", required=True, help="the scheduler's Prometheus metrics")
    parser.add_argument("--namespace", metavar="NS", required=True, help="of the Deployment and the ConfigMap")
    parser.add_argument("--deployment", metavar="NAME", required=True, help="the workers'")
    parser.add_argument("--state", metavar="NAME", required=True, help="the ConfigMap that remembers")
    parser.add_argument("--replicas", type=int, metavar="N", required=True, help="workers when it is awake")
    parser.add_argument("--after", type=float, metavar="SECONDS", required=True, help="idle for so long, it sleeps")
    parser.add_argument(
        "--patience", type=float, default=_PATIENCE_S, metavar="SECONDS", help="for an answer of cluster and scheduler"
    )
    return parser


if __name__ == "__main__":
    with plain_streams():
        sys.exit(main())
