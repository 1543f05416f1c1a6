"""Who may reach whom, by trying: runs, workspace, strangers; and a broken policy, which must show."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from tests.cluster.conftest import ROOT, Cluster, Tell, new_namespace
from tests.cluster.probing import Place, Try, idle_pod, place, says_cyclonus, settled, table
from tests.cluster.runs import install_endless_run

pytestmark = pytest.mark.cluster
INTERNET = "198.51.100.1"  # an address of the machine's that up.sh makes, outside of the cluster
API_SERVER = "10.201.0.1"
ALLOW_ALL = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: broken}
spec: {podSelector: {matchLabels: {app.kubernetes.io/name: adaptive-run}}, policyTypes: [Egress], egress: [{}]}
"""


@contextmanager
def _internet() -> Iterator[int]:
    """A server outside of the cluster; the port that it listens on."""
    with socket.create_server((INTERNET, 0)) as server:

        def serve() -> None:
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Two runs on a workspace, and others on the cluster."""

    namespaces: tuple[str, ...]
    tries: tuple[Try, ...]


def _service(cluster: Cluster, namespace: str, name: str) -> str:
    return cluster.kubectl("-n", namespace, "get", "service", name, "-o", "jsonpath={.spec.clusterIP}")


def _looker(cluster: Cluster, workspace: str) -> None:
    """A pod with the labels of the one that looks whether the workspace is idle, which is never there for long."""
    seldom = ("--set", "idle.enabled=true,idle.schedule=0 0 30 2 *")
    cluster.helm("upgrade", "ws", str(ROOT / "charts/dask-workspace"), "-n", workspace, "--reuse-values", *seldom)
    labels = {"name": "dask-workspace", "instance": "ws", "component": "idle"}
    idle_pod(cluster, workspace, {f"app.kubernetes.io/{key}": value for key, value in labels.items()})


@pytest.fixture(scope="module")
def scene(cluster: Cluster, workspace: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with ExitStack() as stack:
        run_a, run_b, strange, visiting = (stack.enter_context(new_namespace(cluster)) for _ in range(4))
        for run in (run_a, run_b):
            install_endless_run(cluster, run, workspace, tmp_path_factory.mktemp("run"))
        # A stranger may label its own pods as it likes; a namespace is labelled by who administers it.
        idle_pod(cluster, strange, {"modelops.io/dask-client": "true", "modelops.io/ledger": "run"})
        cluster.kubectl("label", "namespace", visiting, f"modelops.io/workspace={workspace}")
        idle_pod(cluster, visiting, {})
        _looker(cluster, workspace)
        port = stack.enter_context(_internet())
        yield Scene(
            namespaces=(workspace, run_a, run_b, strange, visiting),
            tries=tuple(_tries(cluster, workspace, run_a, run_b, strange, visiting, port)),
        )


def _tries(
    cluster: Cluster, workspace: str, run_a: str, run_b: str, strange: str, visiting: str, port: int
) -> Iterator[Try]:
    def find(name: str, namespace: str, selector: str) -> Place:
        return place(cluster, name, namespace, selector)

    component = "app.kubernetes.io/component="
    adaptive_a, adaptive_b = (find(f"adaptive {x}", ns, f"{component}worker") for x, ns in (("A", run_a), ("B", run_b)))
    postgres_a, postgres_b = (
        find(f"Postgres {x}", ns, f"{component}database") for x, ns in (("A", run_a), ("B", run_b))
    )
    scheduler, worker = (find(f"Dask {part}", workspace, f"{component}{part}") for part in ("scheduler", "worker"))
    stranger, visitor = find("stranger", strange, "app=idle"), find("visitor", visiting, "app=idle")
    looker = find("idle's", workspace, f"{component}idle")
    dns = find("DNS", "kube-system", "k8s-app=kube-dns")
    internet, api = Place(name="internet", ip=INTERNET), Place(name="API server", ip=API_SERVER)
    outside = Place(name="outside", ip="10.201.0.254")
    known: dict[str, tuple[Place, int, str, str]] = {
        "postgres a": (postgres_a, 5432, f"{_service(cluster, run_a, 'run-postgres')}:5432", "postgres"),
        "postgres b": (postgres_b, 5432, f"{_service(cluster, run_b, 'run-postgres')}:5432", "postgres"),
        "scheduler": (scheduler, 8786, f"{_service(cluster, workspace, 'ws-scheduler')}:8786", "dask"),
        "dashboard": (scheduler, 8787, f"{_service(cluster, workspace, 'ws-scheduler')}:8787", "http"),
        "worker": (worker, 8788, f"{worker.ip}:8788", "dask"),
        "dns": (dns, 53, f"{_service(cluster, 'kube-system', 'kube-dns')}:53", "dns-tcp"),
        "api": (api, 6443, f"{_service(cluster, 'default', 'kubernetes')}:443", ""),
        "internet": (internet, port, f"{INTERNET}:{port}", ""),
    }
    may = {
        adaptive_a: ["postgres a", "scheduler", "dns"],
        adaptive_b: ["postgres b", "scheduler", "dns"],
        worker: ["scheduler", "dns"],
        scheduler: ["worker", "dns"],
        looker: ["dashboard", "dns", "api"],
        postgres_a: [],
        stranger: ["dns", "api", "internet"],
        visitor: ["dns", "api", "internet"],
        outside: ["dns", "api", "internet"],
    }
    for source, allowed in may.items():
        for name, (to, number, address, port_name) in known.items():
            if source is to or (source is outside and not to.pod):
                continue
            dialled = f"{to.ip}:{number}" if source is outside else address
            yield Try(source=source, to=to, port=number, address=dialled, port_name=port_name, allowed=name in allowed)
        if source.pod:
            yield _own_node(cluster, source, allowed=source in (stranger, visitor))


def _own_node(cluster: Cluster, source: Place, *, allowed: bool) -> Try:
    pod = ("-n", source.namespace, "get", "pod", source.pod, "-o", "jsonpath={.status.hostIP}")
    node = Place(name="its node", ip=cluster.kubectl(*pod))
    return Try(source=source, to=node, port=10250, address=f"{node.ip}:10250", allowed=allowed)


def _wrong(tries: tuple[Try, ...], happened: list[str]) -> set[tuple[str, str]]:
    return {
        (one.source.name, one.to.name)
        for one, what in zip(tries, happened, strict=True)
        if (what == "reached") != one.allowed
    }


def test_everyone_reaches_what_they_need_and_nothing_else(cluster: Cluster, scene: Scene, tell: Tell) -> None:
    happened = settled(cluster, scene.tries, lambda seen: not _wrong(scene.tries, seen))
    tell("\n" + table(scene.tries, happened))
    assert _wrong(scene.tries, happened) == set(), table(scene.tries, happened)
    assert says_cyclonus(scene.namespaces, scene.tries) == [what == "reached" for what in happened]


def test_a_broken_policy_shows(cluster: Cluster, scene: Scene) -> None:
    run_a = scene.namespaces[1]
    cluster.kubectl("-n", run_a, "apply", "-f", "-", stdin=ALLOW_ALL)
    opened = {("adaptive A", "API server"), ("adaptive A", "internet"), ("adaptive A", "its node")}
    try:
        happened = settled(cluster, scene.tries, lambda seen: _wrong(scene.tries, seen) == opened)
        assert _wrong(scene.tries, happened) == opened, table(scene.tries, happened)
        assert says_cyclonus(scene.namespaces, scene.tries) == [what == "reached" for what in happened]
    finally:
        cluster.kubectl("-n", run_a, "delete", "networkpolicy", "broken")
