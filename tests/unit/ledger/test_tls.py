"""A server's certificate is checked, and a wrong one is told in one line, at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.ledger.connection import ConnectionLost
from modelops_runtime.ledger.opening import ledger_exists
from modelops_runtime.ledger.tls import verified
from tests.support.dask_cluster import make_certificates
from tests.support.needs import need_postgres
from tests.support.postgres import PostgresServer, postgres_server


@dataclass(frozen=True)
class Encrypted:
    """A server whose certificate is for `localhost`, signed by `ca`."""

    server: PostgresServer
    ca: Path

    def url(self, host: str = "localhost") -> str:
        return f"postgresql://postgres@{host}:{self.server.port}/postgres"


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    need_postgres()
    made = make_certificates(tmp_path_factory.mktemp("ca"))
    with postgres_server() as server:
        server.encrypt(made.cert, made.key)
        yield Encrypted(server, made.ca)


def refusal(url: str) -> str:
    with pytest.raises(LedgerError) as caught:
        ledger_exists(url, patience_s=60)
    assert not isinstance(caught.value, ConnectionLost)  # a pod would try it again and again
    (line,) = str(caught.value).splitlines()
    return line


def test_the_ca_that_is_given_decides(encrypted: Encrypted, tmp_path: Path) -> None:
    assert not ledger_exists(verified(encrypted.url(), encrypted.ca))
    other = make_certificates(tmp_path).ca
    assert "of no CA that is trusted here" in refusal(verified(encrypted.url(), other))


def test_without_a_ca_the_systems_roots_decide(encrypted: Encrypted, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = encrypted.ca.parent / "nothing"
    assert "of no CA that is trusted here" in refusal(verified(encrypted.url(), nothing))
    monkeypatch.setenv("SSL_CERT_FILE", str(encrypted.ca))
    assert not ledger_exists(verified(encrypted.url(), nothing))
    assert not ledger_exists(verified(f"{encrypted.url()}?connect_timeout=9"))


def test_a_certificate_for_another_host_is_refused(encrypted: Encrypted) -> None:
    assert "for another host" in refusal(verified(encrypted.url("127.0.0.1"), encrypted.ca))


def test_a_ca_that_is_none_is_named(encrypted: Encrypted, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("not a certificate")
    assert "must be a PEM file" in refusal(verified(encrypted.url(), tmp_path / "ca.crt"))


def test_a_server_without_tls_is_refused(encrypted: Encrypted) -> None:
    with postgres_server() as plain:
        assert "the server has none" in refusal(verified(plain.url(), encrypted.ca))
