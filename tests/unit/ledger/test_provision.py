"""A run's own database on a shared server, made by an admin who is no superuser, as on a managed server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest

from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.ledger.opening import ledger_exists, open_ledger
from modelops_runtime.ledger.provision import main
from tests.support.dask_cluster import Certificates, make_certificates
from tests.support.needs import need_postgres
from tests.support.patience import PATIENCE_S
from tests.support.postgres import PostgresServer, postgres_server

ADMIN_PASSWORD = "Never-shown-42"
PASSWORD = "it's a \"run's\" password \\ $1 %s"


@dataclass(frozen=True)
class Shared:
    """A server, and how its admin reaches it."""

    server: PostgresServer
    admin: str

    def provision(
        self, what: str, name: str, *, password: str = PASSWORD, **env: str
    ) -> subprocess.CompletedProcess[str]:
        whole = {
            **os.environ,
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.server.port),
            "PGDATABASE": "postgres",
            "PGUSER": self.admin,
            "PGPASSWORD": ADMIN_PASSWORD,
            "MODELOPS_DATABASE": name,
            "MODELOPS_DATABASE_PASSWORD": password,
            **env,
        }
        command = [sys.executable, "-m", "modelops_runtime.ledger.provision", what]
        return subprocess.run(command, env=whole, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    def url(self, name: str, *, user: str = "", password: str = PASSWORD) -> str:
        return f"postgresql://{user or name}:{quote(password, safe='')}@127.0.0.1:{self.server.port}/{name}"

    def names(self, name: str) -> list[tuple]:
        """Roles and databases called so."""
        roles = f"SELECT rolname FROM pg_roles WHERE rolname = '{name}'"
        return self.server.execute(f"{roles} UNION ALL SELECT datname FROM pg_database WHERE datname = '{name}'")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def ca(certificates: Certificates) -> Path:
    return certificates.ca


@pytest.fixture(scope="module")
def strict(certificates: Certificates) -> Iterator[PostgresServer]:
    """A server that asks everybody but its superuser for a password, by TLS alone."""
    need_postgres()
    with postgres_server() as server:
        server.encrypt(certificates.cert, certificates.key)
        server.ask_for_passwords(by_tls=True)
        yield server


@pytest.fixture
def shared(strict: PostgresServer) -> Shared:
    admin = f"admin_{uuid4().hex[:8]}"
    strict.execute(f"CREATE ROLE {admin} LOGIN CREATEROLE CREATEDB PASSWORD '{ADMIN_PASSWORD}'")
    return Shared(strict, admin)


def new_name() -> str:
    return f"run-{uuid4().hex[:8]}"  # must be quoted in SQL


def test_two_runs_keep_their_ledgers_apart_on_one_server(shared: Shared):
    first, second = new_name(), new_name()
    for name in (first, second, first):  # a Job may run twice
        done = shared.provision("make", name)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for name in (first, second):
        open_ledger(shared.url(name)).close()
        assert ledger_exists(shared.url(name))
    with psycopg.connect(shared.url(first)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("CREATE ROLE another")
    with pytest.raises(LedgerError, match="permission denied for database"):
        ledger_exists(shared.url(second, user=first))


def test_made_again_the_password_is_the_new_one_and_the_ledger_stays(shared: Shared):
    name = new_name()
    assert shared.provision("make", name).returncode == 0
    open_ledger(shared.url(name)).close()
    assert shared.provision("make", name, password="another").returncode == 0
    assert ledger_exists(shared.url(name, password="another"))
    with pytest.raises(LedgerError, match="refuses this user or password"):
        ledger_exists(shared.url(name))
    (verifier,) = shared.server.execute(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{name}'")
    assert verifier[0].startswith("SCRAM-SHA-256$")


def test_what_is_dropped_is_gone_also_under_a_connection(shared: Shared):
    name = new_name()
    assert shared.provision("make", name).returncode == 0
    with psycopg.connect(shared.url(name)) as connection:
        for _ in range(2):
            assert shared.provision("drop", name).returncode == 0
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert shared.names(name) == []


def test_the_password_is_in_no_statement_that_the_server_logs(shared: Shared):
    shared.server.execute("ALTER SYSTEM SET log_statement = 'all'")
    shared.server.reload()
    try:
        name = new_name()
        assert shared.provision("make", name, password="Planted-Password-7").returncode == 0
    finally:
        shared.server.execute("ALTER SYSTEM RESET log_statement")
        shared.server.reload()
    log = (shared.server.folder / "log").read_text()
    assert f'ALTER ROLE "{name}" WITH LOGIN PASSWORD' in log
    assert "Planted-Password-7" not in log


def test_who_may_not_make_roles_is_told_so_in_one_line(shared: Shared):
    shared.server.execute(f"ALTER ROLE {shared.admin} NOCREATEROLE NOCREATEDB")
    done = shared.provision("make", new_name())
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "PGUSER must be the server's admin, with CREATEROLE and CREATEDB" in done.stderr
    assert ADMIN_PASSWORD not in done.stderr


def test_the_server_is_not_spoken_to_where_its_certificate_is_not_trusted(shared: Shared, ca: Path, tmp_path: Path):
    admin = shared.url("postgres", user=shared.admin, password=ADMIN_PASSWORD).replace("127.0.0.1", "localhost")
    name = new_name()
    given = {"MODELOPS_DATABASE": name, "MODELOPS_DATABASE_PASSWORD": PASSWORD}
    for other in (make_certificates(tmp_path).ca, tmp_path / "none: the system's roots"):
        assert main(["make", "--ledger", admin, "--ledger-ca", str(other)], given) == 1
        assert shared.names(name) == []
    assert main(["make", "--ledger", admin, "--ledger-ca", str(ca)], given) == 0
    assert shared.names(name) == [(name,), (name,)]
