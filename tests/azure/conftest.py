"""A loopback Azure, and the shipped command line against it: only endpoints are set."""

from __future__ import annotations

import datetime
import ipaddress
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from ruamel.yaml import YAML

from tests.azure.arm_server import CLIENT, SECRET, SUBSCRIPTION, TENANT, ArmServer
from tests.support import forked
from tests.support.patience import PATIENCE_S


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A throw-away certificate for 127.0.0.1, its own authority, and its key: paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(folder / "ca.pem"), str(folder / "key.pem")


@pytest.fixture
def arm(certificate: tuple[str, str]) -> Iterator[ArmServer]:
    with ArmServer(*certificate) as server:
        yield server


def provider_config(arm: ArmServer) -> dict[str, Any]:
    """The least for the loopback Azure."""
    return {
        "subscription_id": SUBSCRIPTION,
        "tenant_id": TENANT,
        "location": "eastus2",
        "username": "anna",
        "auth": {"method": "service_principal", "client_id": CLIENT},
        "cloud": {"resource_manager": arm.url, "authority": arm.url},
        "prices": arm.url,
    }


Mops = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def config(arm: ArmServer, tmp_path: Path) -> Callable[..., Path]:
    """Writes a provider config for the loopback Azure; keywords are top-level keys on top."""

    def write(**over: Any) -> Path:
        content = {**provider_config(arm), **over}
        path = tmp_path / "azure.yaml"
        with path.open("w") as file:
            YAML(typ="safe").dump(content, file)
        path.chmod(0o600)
        return path

    return write


@pytest.fixture
def environment(certificate: tuple[str, str], tmp_path: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AZURE_", "KUBECONFIG"))}
    return {
        **kept,
        "REQUESTS_CA_BUNDLE": certificate[0],
        "AZURE_CLIENT_SECRET": SECRET,
        "HOME": str(tmp_path),
        "NO_PROXY": "127.0.0.1",
    }


@pytest.fixture
def mops_azure(environment: dict[str, str], tmp_path: Path) -> Mops:
    """`mops_azure("create", "-y", config=path)` as a process of its own, forked where the imports are done."""

    def run(*args: str, config: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        whole = [*args, "--config", str(config)]
        ended = forked.run("mops_azure", whole, environment={**environment, **(env or {})}, folder=tmp_path)
        return subprocess.CompletedProcess(whole, ended.code, ended.out, ended.err)

    return run


@pytest.fixture
def shipped(environment: dict[str, str], tmp_path: Path) -> Mops:
    """The same by an interpreter of its own, as a user starts it."""

    def run(*args: str, config: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command_line(*args, config=config),
            env={**environment, **(env or {})},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    return run


def command_line(*args: str, config: Path) -> list[str]:
    return [sys.executable, "-c", "from mops_azure.cli import main; main()", *args, "--config", str(config)]
