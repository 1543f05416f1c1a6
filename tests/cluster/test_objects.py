"""What the charts make, judged by the API server: each set of ready values; and what a Dask worker does before it ends."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from distributed import Client, Event, Security

from tests.charts.rendering import SPEC
from tests.cluster.conftest import ROOT, Cluster, new_namespace, values_of
from tests.cluster.probing import Try, idle_pod, place, settled, table
from tests.cluster.runs import install_endless_run
from tests.cluster.test_certificates import certificate_files, forwarded
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.cluster
READY = sorted((ROOT / "values").glob("*/*.yaml")) + sorted((ROOT / "tests/charts/values").glob("*.yaml"))


@pytest.fixture(scope="module")
def monitors(cluster: Cluster) -> Iterator[None]:
    """The API knows the types of Prometheus' operator, and the priority of tests/charts/values."""
    types = Path(os.environ["KUBECONFIG"]).parents[1] / "monitoring"
    cluster.kubectl("apply", "--server-side", "-f", str(types))
    cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=600s")
    cluster.kubectl("create", "priorityclass", "given", "--value=1")
    yield
    cluster.kubectl("delete", "priorityclass", "given")
    cluster.kubectl("delete", "-f", str(types))


@pytest.mark.parametrize("values", READY, ids=[f"{path.parent.name}-{path.stem}" for path in READY])
def test_the_api_server_takes_what_ready_values_make(
    cluster: Cluster, namespace: str, monitors: None, values: Path
) -> None:
    chart = values.stem if values.parent.name == "values" else values.parent.name
    spec = SPEC if chart == "adaptive-run" else ()
    rendered = cluster.helm("template", "rel", str(ROOT / "charts" / chart), "-n", namespace, "-f", str(values), *spec)
    # The test's pod is refused unless its account is there.
    for account in (one for one in yaml.safe_load_all(rendered) if one and one["kind"] == "ServiceAccount"):
        cluster.kubectl("-n", namespace, "apply", "-f", "-", stdin=yaml.safe_dump(account))
    dry = ("apply", "--dry-run=server", "--validate=strict", "-f", "-")
    said = cluster.kubectl("-n", namespace, *dry, stdin=rendered)
    assert "deployment" in said or "job" in said


def test_the_api_server_refuses_what_is_no_field(cluster: Cluster, namespace: str) -> None:
    rendered = cluster.helm("template", "rel", str(ROOT / "charts/dask-workspace"), "-n", namespace)
    spoilt = rendered.replace("terminationGracePeriodSeconds", "terminationGraceSeconds")
    with pytest.raises(AssertionError, match="terminationGraceSeconds"):
        cluster.kubectl("-n", namespace, "create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=spoilt)


def test_prometheus_alone_reaches_the_metrics_where_monitoring_is_on(
    cluster: Cluster, monitors: None, tmp_path: Path
) -> None:
    with new_namespace(cluster) as run, new_namespace(cluster) as prometheus, new_namespace(cluster) as strange:
        on = ("--set", f"monitoring.enabled=true,monitoring.namespace={prometheus}")
        chart = str(ROOT / "charts/dask-workspace")
        one = ("--set", "workers.replicas=1", "--wait", "--timeout", "600s")
        cluster.helm("install", "ws", chart, "-n", run, *values_of("workspace"), *on, *one)
        install_endless_run(cluster, run, run, tmp_path, *on)
        kinds = cluster.kubectl("-n", run, "get", "servicemonitors,podmonitors", "-o", "name").split()
        assert len(kinds) == 3
        for namespace in (prometheus, strange):
            idle_pod(cluster, namespace, {})
        sources = {
            place(cluster, name, ns, "app=idle") for name, ns in (("Prometheus", prometheus), ("stranger", strange))
        }
        selectors = {
            "scheduler": ("app.kubernetes.io/component=scheduler", 8787, 8786),
            "worker": ("app.kubernetes.io/name=dask-workspace,app.kubernetes.io/component=worker", 8789, 8788),
            "adaptive": ("modelops.io/ledger", 8790, 5432),
        }
        tries = [
            Try(
                source=source,
                to=to,
                port=port,
                address=f"{to.ip}:{port}",
                allowed=is_metrics and source.name == "Prometheus",
            )
            for name, (selector, metrics, other) in selectors.items()
            for to in [place(cluster, name, run, selector)]
            for source in sources
            for port, is_metrics in ((metrics, True), (other, False))
        ]

        def as_wanted(happened: list[str]) -> bool:
            return [what == "reached" for what in happened] == [one.allowed for one in tries]

        happened = settled(cluster, tries, as_wanted)
        assert as_wanted(happened), table(tries, happened)


def test_a_worker_that_is_told_to_end_finishes_its_task_and_hands_over_its_results(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    def where(until: str) -> str:
        import socket

        if until:
            Event(until).wait()  # no assert: what pytest makes of one is not there
        return socket.gethostname()

    chart, two = str(ROOT / "charts/dask-workspace"), ("--set", "workers.replicas=2,serviceAccount.token.enabled=true")
    cluster.helm("install", "ws", chart, "-n", namespace, *values_of("workspace"), *two, "--wait", "--timeout", "600s")
    _the_token_is_for_others(cluster, namespace)
    with forwarded(namespace) as port:
        security = Security(require_encryption=True, **certificate_files(cluster, namespace, tmp_path))
        with Client(f"tls://127.0.0.1:{port}", security=security, timeout=PATIENCE_S, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=PATIENCE_S)
            workers: dict[str, Any] = client.scheduler_info()["workers"]
            address, worker = next(iter(workers.items()))
            held = client.submit(where, "", workers=[address], allow_other_workers=True, pure=False)
            assert held.result(timeout=PATIENCE_S) == worker["name"]
            running = client.submit(where, "told to end", workers=[address], allow_other_workers=True, pure=False)
            cluster.wait("the task's start", lambda: bool(client.processing([address])[address]))
            cluster.kubectl("-n", namespace, "delete", "pod", worker["name"], "--wait=false")
            cluster.wait("its retirement", lambda: status_of(client, address) != "running")
            Event("told to end", client=client).set()
            cluster.kubectl("-n", namespace, "wait", "--for=delete", f"pod/{worker['name']}", "--timeout=600s")
            # Run again elsewhere, they would name another worker.
            assert running.result(timeout=PATIENCE_S) == held.result(timeout=PATIENCE_S) == worker["name"]


def status_of(client: Client, address: str) -> str:
    """What the scheduler takes a worker to be: running, closing_gracefully, or, where it knows it no more, gone."""
    workers: dict[str, Any] = client.scheduler_info(n_workers=-1)["workers"]
    return workers[address]["status"] if address in workers else "gone"


def _the_token_is_for_others(cluster: Cluster, namespace: str) -> None:
    """A token for workload identity is Azure's alone: the cluster's API does not take it."""
    path = "/var/run/secrets/azure/tokens/azure-identity-token"
    token = cluster.kubectl("-n", namespace, "exec", "deployment/ws-worker", "--", "cat", path)
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["aud"] == ["api://AzureADTokenExchange"]
    assert claims["sub"] == f"system:serviceaccount:{namespace}:ws-dask"
    server = cluster.kubectl("config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}")
    bare = ["kubectl", "--kubeconfig=/dev/null", f"--server={server}", "--insecure-skip-tls-verify", f"--token={token}"]
    asked = subprocess.run(
        [*bare, "get", "--raw", "/api"], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert "Unauthorized" in asked.stderr or "must be logged in" in asked.stderr
