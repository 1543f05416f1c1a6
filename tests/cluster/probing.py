"""Who reaches whom: connections tried from inside pods, and what cyclonus' independent reading of the policies says."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.cluster.conftest import Cluster
from tests.support.patience import PATIENCE_S

SETTLED_S = 300
"""For policies to be in force on a machine that others use too; no measure of speed."""

_ALLOWED = re.compile(r"IS ALLOWED\?\s*\|\s*(TRUE|FALSE)")
_TRY = 'for to; do err=$(timeout 20 bash -c "</dev/tcp/${to/:/\\/}" 2>&1) && echo reached || echo "$? $err" | tail -1; done'
_IDLE = """
apiVersion: v1
kind: Pod
metadata: {{name: idle, labels: {labels}}}
spec:
  automountServiceAccountToken: false
  securityContext: {{runAsNonRoot: true, runAsUser: 10001, seccompProfile: {{type: RuntimeDefault}}}}
  containers:
    - name: idle
      image: registry.test/helper:1
      imagePullPolicy: Never
      command: [sleep, infinity]
      securityContext: {{allowPrivilegeEscalation: false, capabilities: {{drop: [ALL]}}}}
"""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Something that connects, or is connected to: a pod, or what is outside of the cluster."""

    name: str
    ip: str
    pod: str = ""
    namespace: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    namespace_labels: tuple[tuple[str, str], ...] = ()

    def for_cyclonus(self) -> dict[str, Any]:
        inside = {
            "Namespace": self.namespace,
            "NamespaceLabels": dict(self.namespace_labels),
            "PodLabels": dict(self.labels),
        }
        return {"IP": self.ip, "Internal": inside if self.pod else None}


@dataclass(frozen=True, kw_only=True)
class Try:
    """One connection: `address` is what is dialled (a Service's, say), `to` and `port` where it ends."""

    source: Place
    to: Place
    port: int
    address: str
    port_name: str = ""
    allowed: bool = True


def idle_pod(cluster: Cluster, namespace: str, labels: dict[str, str]) -> None:
    """A pod `idle` that does nothing, to connect from; returns when it is ready."""
    given = json.dumps({"app": "idle", **labels})
    cluster.kubectl("-n", namespace, "create", "-f", "-", stdin=_IDLE.format(labels=given))
    cluster.kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/idle", "--timeout=600s")


def place(cluster: Cluster, name: str, namespace: str, selector: str) -> Place:
    """The first running pod that the selector finds."""
    found = json.loads(cluster.kubectl("-n", namespace, "get", "pods", "-l", selector, "-o", "json"))["items"]
    pod = next(pod for pod in found if pod["status"].get("podIP") and pod["status"]["phase"] == "Running")
    space = json.loads(cluster.kubectl("get", "namespace", namespace, "-o", "json"))
    return Place(
        name=name,
        ip=pod["status"]["podIP"],
        pod=pod["metadata"]["name"],
        namespace=namespace,
        labels=tuple(sorted(pod["metadata"]["labels"].items())),
        namespace_labels=tuple(sorted(space["metadata"]["labels"].items())),
    )


def outcomes(cluster: Cluster, tries: Sequence[Try]) -> list[str]:
    """What happened to each: "reached", "refused" (by a policy), "no answer", or what else was said."""
    said: dict[Try, str] = {}
    for source, group in groupby(sorted(tries, key=lambda t: t.source.name), key=lambda t: t.source):
        mine = list(group)
        addresses = [one.address for one in mine]
        if source.pod:
            exec_in = ("-n", source.namespace, "exec", source.pod, "--", "bash", "-c", _TRY, "_", *addresses)
            lines = cluster.kubectl(*exec_in).splitlines()
        else:
            lines = [_from_here(address) for address in addresses]
        said.update(zip(mine, map(_plain, lines), strict=True))
    return [said[one] for one in tries]


def settled(cluster: Cluster, tries: Sequence[Try], wanted: Callable[[list[str]], bool]) -> list[str]:
    """What happened, once it is as wanted: policies take a moment to be in force; or at last, when it never comes to be so."""
    give_up = time.monotonic() + SETTLED_S
    while not wanted(happened := outcomes(cluster, tries)) and time.monotonic() < give_up:
        time.sleep(1)
    return happened


def _from_here(address: str) -> str:
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=20).close()
    except OSError as error:
        return str(error)
    return "reached"


def _plain(line: str) -> str:
    if "No route to host" in line:
        return "refused"
    if line.startswith("124") or "timed out" in line:
        return "no answer"
    return line


def says_cyclonus(namespaces: Iterable[str], tries: Sequence[Try]) -> list[bool]:
    """Whether cyclonus takes each to be allowed by the policies of these namespaces."""
    traffic = [
        {
            "Source": one.source.for_cyclonus(),
            "Destination": one.to.for_cyclonus(),
            "ResolvedPort": one.port,
            "ResolvedPortName": one.port_name,
            "Protocol": "TCP",
        }
        for one in tries
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "traffic.json"
        path.write_text(json.dumps(traffic), encoding="utf-8")
        modes = ("--mode", "query-traffic", "--traffic-path", str(path), "--namespace", ",".join(namespaces))
        done = subprocess.run(
            ["cyclonus", "analyze", *modes], capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    verdicts = _ALLOWED.findall(done.stdout)
    assert len(verdicts) == len(tries), done.stdout + done.stderr
    return [verdict == "TRUE" for verdict in verdicts]


def table(tries: Sequence[Try], happened: Sequence[str]) -> str:
    """The matrix, a line each."""
    rows = [("who tried", "to reach", "port", "should be", "what happened")]
    for one, what in zip(tries, happened, strict=True):
        rows.append((one.source.name, one.to.name, str(one.port), "reached" if one.allowed else "refused", what))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
