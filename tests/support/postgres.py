"""A real PostgreSQL server of our own: made in a temporary folder, on a free port, stopped at the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tests.support.needs import postgres_programs
from tests.support.patience import PATIENCE_S, eventually
from tests.support.ports import free_port


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server; its superuser is `postgres`, trusted from this machine."""

    folder: Path
    port: int
    binaries: Path

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"db_{uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, sql: str, *, database: str = "postgres") -> list[tuple]:
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def encrypt(self, certificate: Path, key: Path) -> None:
        """Have it offer TLS with this certificate."""
        for source, name in ((certificate, "server.crt"), (key, "server.key")):
            target = self.folder / "data" / name
            shutil.copyfile(source, target)
            target.chmod(0o600)
            if os.getuid() == 0:
                shutil.chown(target, "postgres", "postgres")
        self.execute("ALTER SYSTEM SET ssl = on")
        self.execute("SELECT pg_reload_conf()")
        assert eventually(lambda: self.execute("SHOW ssl") == [("on",)])

    def ask_for_passwords(self, *, by_tls: bool = False) -> None:
        """Everybody's but the superuser's; with `by_tls` it takes them over TLS alone."""
        kind = "hostssl" if by_tls else "host"
        rules = (
            f"local all all trust\nhost all postgres 127.0.0.1/32 trust\n{kind} all all 127.0.0.1/32 scram-sha-256\n"
        )
        (self.folder / "data/pg_hba.conf").write_text(rules)
        self.reload()

    def reload(self) -> None:
        """Have it read its configuration again; it has done so when this returns."""
        loaded = self.execute("SELECT pg_conf_load_time()")
        self.execute("SELECT pg_reload_conf()")
        assert eventually(lambda: self.execute("SELECT pg_conf_load_time()") != loaded)

    def start(self) -> None:
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self.folder} -c fsync=off -c max_connections=60"
        log = self.folder / "log"
        self._control("start", "-w", "-t", str(round(PATIENCE_S)), "-o", options, "-l", str(log))

    def stop(self) -> None:
        self._control("stop", "-m", "immediate", "-w", "-t", str(round(PATIENCE_S)))

    def _control(self, *arguments: str) -> None:
        _as_owner([str(self.binaries / "pg_ctl"), "-D", str(self.folder / "data"), *arguments])


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A server of PostgreSQL's installed binaries, as user postgres when we are root (initdb refuses root)."""
    binaries = postgres_programs()
    if binaries is None:
        raise RuntimeError("PostgreSQL's server programs are missing: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    server = PostgresServer(folder, free_port(), binaries)
    initdb = [str(server.binaries / "initdb"), "-D", str(folder / "data"), "-U", "postgres", "-A", "trust"]
    try:
        _as_owner([*initdb, "--no-sync", "-E", "UTF8", "--locale=C"])
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_owner(command: Sequence[str]) -> None:
    if os.getuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    # Without a file for its output the server would keep our pipe open for as long as it runs.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd="/", check=False)
        output.seek(0)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}\n{output.read().decode(errors='replace')}")
