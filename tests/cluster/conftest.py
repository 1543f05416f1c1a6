"""A namespace of its own for each test, under Pod Security "restricted"; `make test-cluster` starts the cluster."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.patience import PATIENCE_S, eventually

ROOT = Path(__file__).resolve().parents[2]

Tell = Callable[[str], None]
_TOLD = "told"


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Says what the test has measured; it is printed at the end, also when files are run side by side."""
    return lambda text: record_property(_TOLD, text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [one for name in ("passed", "failed") for one in terminalreporter.stats.get(name, [])]
    for report in reports:
        for name, text in report.user_properties:
            if name == _TOLD:
                terminalreporter.write_line(f"{report.nodeid.partition('::')[0]}: {text}")


class Cluster:
    """kubectl and helm, which raise with what they said."""

    def kubectl(self, *args: str, stdin: str | None = None) -> str:
        return _run("kubectl", *args, stdin=stdin)

    def helm(self, *args: str) -> str:
        return _run("helm", *args)

    def wait(self, what: str, happened: Callable[[], bool]) -> None:
        """Wait for something, looking twice a second."""
        assert eventually(happened, every_s=0.5), f"{what} did not happen within {PATIENCE_S:g} s"


def _run(*command: str, stdin: str | None = None) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    if "modelops/cluster/state" not in os.environ.get("KUBECONFIG", ""):
        pytest.fail("no test cluster: run `make test-cluster`")
    return Cluster()


def conditions_of(job: dict[str, Any]) -> list[str]:
    """Those of a Job that are true: Complete, Failed, ..."""
    return [c["type"] for c in job["status"].get("conditions", []) if c["status"] == "True"]


def values_of(what: str) -> tuple[str, ...]:
    """Flags for `helm install` of a "workspace" or a "run"; TAG names other images than the cluster's own."""
    tag = os.environ.get("TAG", "test")
    images = ("scheduler.image.tag", "workers.image.tag") if what == "workspace" else ("image.tag",)
    return ("-f", str(ROOT / f"tests/cluster/{what}-values.yaml"), "--set", ",".join(f"{key}={tag}" for key in images))


@contextmanager
def new_namespace(cluster: Cluster, prefix: str = "test") -> Iterator[str]:
    """A namespace under Pod Security "restricted"; deleted at the end."""
    name = f"{prefix}-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    try:
        cluster.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
        yield name
    finally:
        cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    with new_namespace(cluster) as name:
        yield name


@pytest.fixture(scope="module")
def workspace(cluster: Cluster) -> Iterator[str]:
    """The namespace of a workspace with three workers, release `ws`."""
    chart = ROOT / "charts/dask-workspace"
    with new_namespace(cluster, "ws") as name:
        cluster.helm("install", "ws", str(chart), "-n", name, *values_of("workspace"), "--wait", "--timeout", "600s")
        yield name


def bind_to_workspace(cluster: Cluster, workspace: str, namespace: str, *, release: str = "ws") -> tuple[str, ...]:
    """What the documented commands do without ours; the flags for `helm install` of a run."""
    secret = json.loads(cluster.kubectl("-n", workspace, "get", "secret", f"{release}-dask-client-1", "-o", "json"))
    secret["metadata"] = {"name": "dask-tls"}
    cluster.kubectl("-n", namespace, "create", "-f", "-", stdin=json.dumps(secret))
    cluster.kubectl("label", "namespace", namespace, f"modelops.io/workspace={workspace}")
    address = f"tls://{release}-scheduler.{workspace}.svc:8786"
    return ("--set", f"dask.address={address},dask.namespace={workspace},dask.existingSecret=dask-tls")
