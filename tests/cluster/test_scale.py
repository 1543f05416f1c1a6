"""The charts' objects for many workers: installed, upgraded, uninstalled.

The nodes are kwok's: it marks pods as running without running anything. So this tries the API server, the controllers,
Helm and the charts at that size, and nothing of ours inside a pod. `make test-full` tries 1,000 workers.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import ROOT, Cluster, Tell
from tests.support.patience import PATIENCE_S
from tests.support.sizes import size

pytestmark = pytest.mark.cluster

WORKERS = size(60, full=1000)
PODS_A_NODE = size(40, full=110)
PATIENCE = "1800s"
LEASES = "--node-lease-duration-seconds=40"
"""Without leases the nodes are taken for dead on a busy machine, and nobody makes their pods ready again."""


@pytest.fixture
def fakes(cluster: Cluster, tmp_path: Path) -> Iterator[str]:
    """Nodes for WORKERS pods and half as many again, since a rolling upgrade needs room; yields what labels them."""
    kwok = shutil.which("kwok")
    assert kwok, "kwok is missing: tests/cluster/up/binaries.sh kwok"
    name = f"fake-{uuid.uuid4().hex[:6]}"
    names = [f"{name}-{number}" for number in range(WORKERS * 3 // 2 // PODS_A_NODE + 1)]
    cluster.kubectl(
        "create",
        "-f",
        "-",
        stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": [node(n, name) for n in names]}),
    )
    with (tmp_path / "kwok.log").open("wb") as log:
        selector = f"--manage-nodes-with-label-selector=modelops.io/fake={name}"
        kubeconfig = f"--kubeconfig={os.environ['KUBECONFIG']}"
        command = [kwok, kubeconfig, "--manage-all-nodes=false", selector, "--cidr=10.99.0.1/16", LEASES]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield name
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
        cluster.kubectl("delete", "node", *names)


def node(name: str, label: str) -> dict[str, object]:
    room = {"cpu": "1000", "memory": "4Ti", "ephemeral-storage": "10Ti", "pods": str(PODS_A_NODE)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"modelops.io/fake": label, "kubernetes.io/hostname": name}},
        "spec": {"taints": [{"key": "modelops.io/fake", "value": label, "effect": "NoSchedule"}]},
        "status": {"allocatable": room, "capacity": room},
    }


def there(label: str) -> dict[str, object]:
    """Values that put pods on those nodes."""
    return {
        "nodeSelector": {"modelops.io/fake": label},
        "tolerations": [{"key": "modelops.io/fake", "operator": "Exists", "effect": "NoSchedule"}],
    }


def test_many_workers_come_change_and_go(
    cluster: Cluster, namespace: str, fakes: str, tmp_path: Path, tell: Tell
) -> None:
    values = tmp_path / "values.json"
    place = {"pods": there(fakes)}
    values.write_text(json.dumps({"scheduler": place, "workers": {**place, "replicas": WORKERS}}))
    chart = (
        "ws",
        str(ROOT / "charts/dask-workspace"),
        "-n",
        namespace,
        "-f",
        str(values),
        "--wait",
        "--timeout",
        PATIENCE,
    )
    took: dict[str, float] = {}

    def timed(what: str, *command: str) -> None:
        began = time.monotonic()
        helm(*command)
        took[what] = time.monotonic() - began

    timed("installed", "install", *chart)
    first = workers(cluster, namespace)
    assert len(first) == WORKERS
    timed("upgraded: every pod is another", "upgrade", *chart, "--set", "workers.pods.annotations.turn=two")
    second = workers(cluster, namespace)
    assert len(second) == WORKERS
    assert not first & second
    timed(
        "scaled to half",
        "upgrade",
        *chart,
        "--set",
        f"workers.pods.annotations.turn=two,workers.replicas={WORKERS // 2}",
    )
    cluster.wait("the other half's end", lambda: len(workers(cluster, namespace)) == WORKERS // 2)
    assert workers(cluster, namespace) < second
    began = time.monotonic()
    helm("uninstall", "ws", "-n", namespace, "--wait", "--timeout", PATIENCE)
    cluster.wait("the end of all pods", lambda: not workers(cluster, namespace))
    took["uninstalled"] = time.monotonic() - began
    lines = [f"{what:<32}{seconds:>8.0f} s" for what, seconds in took.items()]
    tell("\n".join([f"{WORKERS} workers, as API objects on kwok's fake nodes", *lines]))


def workers(cluster: Cluster, namespace: str) -> set[str]:
    """Uids of the workers' pods."""
    uids = cluster.kubectl(
        "-n",
        namespace,
        "get",
        "pods",
        "-l",
        "app.kubernetes.io/component=worker",
        "-o",
        "jsonpath={.items[*].metadata.uid}",
    )
    return set(uids.split())


def helm(*args: str) -> None:
    """Without the time limit of a small test."""
    done = subprocess.run(["helm", *args], capture_output=True, text=True, timeout=2400, check=False)
    assert done.returncode == 0, done.stderr
