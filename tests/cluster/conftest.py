"""A namespace of its own for each test, under Pod Security "restricted"; `make cluster-test` starts the cluster."""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Cluster:
    """kubectl and helm, which raise with what they said."""

    def kubectl(self, *args: str, stdin: str | None = None) -> str:
        return _run("kubectl", *args, stdin=stdin)

    def helm(self, *args: str) -> str:
        return _run("helm", *args)

    def wait(self, what: str, seconds: float, happened: Callable[[], bool]) -> None:
        """Wait for something, looking once a second."""
        give_up = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < give_up, f"{what} did not happen within {seconds:g} s"
            time.sleep(1)


def _run(*command: str, stdin: str | None = None) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    if "modelops/cluster/state" not in os.environ.get("KUBECONFIG", ""):
        pytest.fail("no test cluster: run `make cluster-test`")
    return Cluster()


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    cluster.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def workspace(cluster: Cluster) -> Iterator[str]:
    """The namespace of a workspace with three workers, release `ws`."""
    name = f"ws-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    cluster.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    chart, values = ROOT / "charts/dask-workspace", ROOT / "tests/cluster/workspace-values.yaml"
    cluster.helm("install", "ws", str(chart), "-n", name, "-f", str(values), "--wait", "--timeout", "180s")
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")
