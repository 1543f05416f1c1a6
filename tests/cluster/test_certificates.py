"""Dask's certificates: who has none is refused; they have a stated life; an upgrade renews them; a rollback works."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from distributed import Client, Security

from tests.cluster.conftest import ROOT, Cluster, values_of
from tests.support.dask_cluster import make_certificates
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.cluster
CHART = ROOT / "charts/dask-workspace"
SMALL = (*values_of("workspace"), "--set", "workers.replicas=1")
WAIT = ("--wait", "--timeout", "600s")


def _secrets(cluster: Cluster, namespace: str) -> dict[str, dict[str, bytes]]:
    found = json.loads(
        cluster.kubectl("-n", namespace, "get", "secrets", "-l", "app.kubernetes.io/instance=ws", "-o", "json")
    )
    return {
        item["metadata"]["name"]: {key: base64.b64decode(value) for key, value in item["data"].items()}
        for item in found["items"]
    }


@contextmanager
def forwarded(namespace: str) -> Iterator[int]:
    """A port of this machine's that is the scheduler's."""
    command = ["kubectl", "-n", namespace, "port-forward", "service/ws-scheduler", ":8786"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as forward:
        assert forward.stdout
        try:
            yield int(forward.stdout.readline().split("127.0.0.1:")[1].split()[0])
        finally:
            forward.terminate()


def _see_workers(n: int, namespace: str, folder: Path, files: dict[str, bytes] | None) -> None:
    """Connects as a client with these certificate files, and waits for n workers; without files not by TLS."""
    security = Security(require_encryption=True, **_written(folder, files)) if files else None
    with forwarded(namespace) as port:
        address: Any = f"{'tls' if files else 'tcp'}://127.0.0.1:{port}"
        with Client(address, security=security, timeout=PATIENCE_S, set_as_default=False) as client:
            client.wait_for_workers(n, timeout=PATIENCE_S)


def certificate_files(cluster: Cluster, namespace: str, folder: Path) -> dict[str, Any]:
    """The first client certificate of the workspace, as Security takes it."""
    return _written(folder, _secrets(cluster, namespace)["ws-dask-client-1"])


def _written(folder: Path, files: dict[str, bytes]) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    options = {"tls_ca_file": "ca.crt", "tls_client_cert": "tls.crt", "tls_client_key": "tls.key"}
    return {option: str(folder / name) for option, name in options.items()}


def _refusal(namespace: str, ca: bytes, pair: tuple[Path, Path] | None) -> str:
    """What the scheduler's alert is called that ends a TLS connection with this certificate, or with none."""
    context = ssl.create_default_context(cadata=ca.decode())
    context.check_hostname = False
    if pair:
        context.load_cert_chain(*pair)
    with forwarded(namespace) as port, socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as plain:
        with pytest.raises(ssl.SSLError) as refused, context.wrap_socket(plain) as encrypted:
            encrypted.recv(1)
        return refused.value.reason


def test_a_client_without_a_certificate_of_the_workspaces_ca_is_refused(
    cluster: Cluster, workspace: str, tmp_path: Path
) -> None:
    own = _secrets(cluster, workspace)["ws-dask-client-1"]
    _see_workers(3, workspace, tmp_path, own)
    others = make_certificates(tmp_path)
    assert _refusal(workspace, own["ca.crt"], None) == "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    assert _refusal(workspace, own["ca.crt"], (others.cert, others.key)) == "TLSV1_ALERT_UNKNOWN_CA"
    with pytest.raises(OSError, match=r"Stream is closed|Timed out"):
        _see_workers(1, workspace, tmp_path, None)


def test_certificates_live_as_long_as_the_values_say_and_an_upgrade_renews_them(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    def upgrade(*values: str) -> dict[str, dict[str, bytes]]:
        cluster.helm("upgrade", "--install", "ws", str(CHART), "-n", namespace, *SMALL, *values, *WAIT)
        return _secrets(cluster, namespace)

    first = upgrade("--set", "tls.days=30,tls.caDays=900")
    assert set(first) == {"ws-dask-ca", *(f"ws-dask-{party}-1" for party in ("scheduler", "worker", "client"))}
    assert _days(first["ws-dask-worker-1"]["tls.crt"]) == 30
    assert _days(first["ws-dask-ca"]["ca.crt"]) == 900
    second = upgrade()  # 30 days are nearer than renewBeforeDays
    assert set(second) == {"ws-dask-ca", *(f"ws-dask-{party}-2" for party in ("scheduler", "worker", "client"))}
    assert second["ws-dask-ca"] == first["ws-dask-ca"]
    assert _days(second["ws-dask-client-2"]["tls.crt"]) == 365
    _see_workers(1, namespace, tmp_path, first["ws-dask-client-1"])
    assert upgrade() == second
    asked = upgrade("--set", "tls.renew=2")
    assert "ws-dask-client-3" in asked
    cluster.helm("test", "ws", "-n", namespace)
    cluster.helm("rollback", "ws", "2", "-n", namespace, *WAIT)
    assert _secrets(cluster, namespace) == second
    cluster.helm("test", "ws", "-n", namespace)


def _days(pem: bytes) -> int:
    certificate = x509.load_pem_x509_certificate(pem)
    return (certificate.not_valid_after_utc - certificate.not_valid_before_utc) // timedelta(days=1)
