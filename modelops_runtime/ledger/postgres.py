"""A ledger in a PostgreSQL database (15 or later), in the schema `modelops`, for workers anywhere."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from modelops_runtime.contracts.errors import LedgerError, NotLetIn, UserError
from modelops_runtime.ledger.cells import Rows
from modelops_runtime.ledger.connection import ConnectionLost, ConstraintBroken, Params, patiently
from modelops_runtime.ledger.error_messages import is_lost, is_not_let_in, postgres_message
from modelops_runtime.ledger.schema import bring_up_to_date
from modelops_runtime.ledger.sql import SchemaStep, queries, schema_steps, statements
from modelops_runtime.ledger.sql_ledger import SqlLedger

if TYPE_CHECKING:
    import psycopg

    Session = psycopg.Connection[Any]

_MIGRATION_LOCK = 0x6D6F64656C6F7073
"""Key of the advisory lock for making and migrating tables ("modelops" in ASCII)."""

_SESSION = b"""
SET search_path TO modelops; SET TimeZone TO 'UTC'; SET jit TO off;
SET idle_in_transaction_session_timeout TO '60s';
SET enable_seqscan TO off; SET enable_bitmapscan TO off
"""
# There is an index for every query. Without the last line, a plan for unknown parameters would read the whole table.

_DEFAULTS = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    "fallback_application_name": "modelops",
}
"""A broken network is noticed within a minute. The URL and the PG* variables override these."""


def open_postgres(
    url: str, *, create: bool = True, steps: Sequence[SchemaStep] | None = None, patience_s: float = 0.0
) -> SqlLedger:
    """The ledger in the database of `url`; with `create`, missing tables are made.

    Waits up to `patience_s` seconds for a server that does not answer yet. Raises UserError if there is no ledger and
    `create` is False, LedgerError if the server cannot be used.
    """
    connection = PostgresConnection(url)

    def prepare(again: bool) -> None:
        with connection.using() as session:
            bring_up_to_date(_Schema(session), steps or schema_steps("postgres"), where=connection.where, create=create)

    try:
        patiently(prepare, patience_s=patience_s)
    except BaseException:
        connection.close()
        raise
    return SqlLedger(connection)


def holds_ledger(url: str, *, patience_s: float = 0.0) -> bool:
    """Whether there is a ledger in the database. Raises LedgerError if the server cannot be used."""
    connection = PostgresConnection(url)

    def look(again: bool) -> bool:
        with connection.using() as session:
            return _Schema(session).version() is not None

    try:
        return patiently(look, patience_s=patience_s)
    finally:
        connection.close()


def read_run_names(url: str) -> list[str]:
    """As `opening.run_names`."""
    connection = PostgresConnection(url)
    try:
        return [row.run_id for row in connection.rows("run_names", {})]
    finally:
        connection.close()


class PostgresConnection:
    """A Connection to one database."""

    def __init__(self, url: str) -> None:
        _psycopg()
        self._url = url
        self.where = _where(url)
        self._sessions: dict[tuple[int, str], Session] = {}

    @contextlib.contextmanager
    def using(self, purpose: str = "work") -> Iterator[Session]:
        """The calling thread's own session for `purpose`; within it, errors of Postgres are raised as LedgerError."""
        import psycopg

        key = threading.get_ident(), purpose
        session = None
        try:
            session = self._sessions.get(key)
            if session is None or session.closed:
                session = None
                session = self._connect()
                self._sessions[key] = session
            yield session
        except psycopg.IntegrityError as error:
            raise ConstraintBroken(error.diag.constraint_name or str(error)) from error
        except psycopg.Error as error:
            lost = is_lost(error, connecting=session is None) or (session is not None and session.broken)
            if session is not None and (lost or session.closed):
                self._sessions.pop(key, None)
                session.close()
            message = f"{self.where}: {postgres_message(error)}"
            refused = NotLetIn if is_not_let_in(error) else LedgerError
            raise (ConnectionLost if lost else refused)(message) from error

    def rows(self, name: str, params: Params) -> Rows:
        with self.using() as session:
            cursor = session.execute(_query(name), params)
            return cursor.fetchall() if cursor.description else []

    def rows_of_all(self, steps: Sequence[tuple[str, Params]]) -> list[Rows]:
        if len(steps) == 1:
            return [self.rows(*steps[0])]
        with self.using() as session:
            try:
                # session.transaction() would wait for the server three times in a pipeline.
                with session.pipeline():
                    session.execute(b"BEGIN")
                    cursors = [session.execute(_query(name), params) for name, params in steps]
                    session.execute(b"COMMIT")
            except BaseException:
                with contextlib.suppress(_psycopg().Error):
                    session.rollback()
                raise
            return [cursor.fetchall() if cursor.description else [] for cursor in cursors]

    def wait(self, run_key: int, after: int, timeout_s: float) -> bool:
        ends = time.monotonic() + timeout_s
        with self.using("wait") as session:
            session.execute(f"LISTEN modelops_run_{run_key}".encode())
            while True:
                row = session.execute(_query("seq"), {"run_key": run_key}).fetchone()
                changed = row is not None and row.seq > after
                left = ends - time.monotonic()
                if changed or left <= 0:
                    # While a session listens and does not read, notifications pile up on the server.
                    session.execute(b"UNLISTEN *")
                    return changed
                for _ in session.notifies(timeout=left, stop_after=1):
                    pass

    def close(self) -> None:
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()

    def _connect(self) -> Session:
        import psycopg
        from psycopg.rows import namedtuple_row

        given = _parsed(self._url)
        options = {
            name: value
            for name, value in _DEFAULTS.items()
            if name not in given and not (name == "connect_timeout" and os.environ.get("PGCONNECT_TIMEOUT"))
        }
        session = psycopg.connect(
            self._url, autocommit=True, client_encoding="utf8", row_factory=namedtuple_row, **options
        )
        try:
            session.execute(_SESSION)
        except BaseException:
            session.close()
            raise
        return session


class _Schema:
    """A SchemaConnection."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def version(self) -> tuple[int, int] | None:
        tables = {row.name for row in self._session.execute(_query("tables"))}
        if "schema_version" not in tables:
            return None
        row = self._session.execute(_query("schema_version")).fetchone()
        return None if row is None else (row.version, row.oldest_writer)

    def lock(self) -> None:
        self._session.execute(b"BEGIN")
        self._session.execute(b"SELECT pg_advisory_xact_lock(%s)", [_MIGRATION_LOCK])

    def begin_at_zero(self) -> None:
        # CREATE SCHEMA IF NOT EXISTS needs the right to create even if the schema exists, made by the server's admin.
        if not self._session.execute(b"SELECT 1 FROM pg_namespace WHERE nspname = 'modelops'").fetchone():
            self._session.execute(b"CREATE SCHEMA modelops")
        self._session.execute(_query("create_schema_version"))

    def apply(self, step: SchemaStep) -> None:
        for statement in statements(step.sql):
            self._session.execute(statement.encode())
        params = {"version": step.version, "oldest_writer": step.oldest_writer}
        self._session.execute(_query("set_schema_version"), params)

    def commit(self) -> None:
        self._session.execute(b"COMMIT")

    def rollback(self) -> None:
        with contextlib.suppress(_psycopg().Error):
            self._session.execute(b"ROLLBACK")


@cache
def _query(name: str) -> bytes:
    return queries("postgres")[name].encode()


def _where(url: str) -> str:
    """Server and database for messages, without user, password and options."""
    given = _parsed(url)

    def part(name: str, variable: str, default: str) -> str:
        return str(given.get(name) or os.environ.get(variable) or default)

    host = part("host", "PGHOST", "localhost")
    database = part("dbname", "PGDATABASE", part("user", "PGUSER", ""))
    return f"postgresql://{host}:{part('port', 'PGPORT', '5432')}/{database}"


def _parsed(url: str) -> dict[str, Any]:
    """The parts of `url`. The text of its UserError quotes no part of it, as each may be a piece of the password."""
    psycopg = _psycopg()
    from psycopg.conninfo import conninfo_to_dict

    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise _not_a_url() from None
    ports = str(given.get("port") or "5432").split(",")
    if not all(port.isdigit() for port in ports) or "@" in f"{given.get('dbname')}{given.get('host')}":
        raise _not_a_url()
    return given


def _not_a_url() -> UserError:
    return UserError(
        "the ledger's address cannot be read: postgresql://USER:PASSWORD@HOST:PORT/DATABASE is right, "
        "with each of @ : / ? # % in the password written as %40 %3A %2F %3F %23 %25"
    )


def _psycopg():
    try:
        import psycopg
    except ImportError as error:
        raise UserError("a PostgreSQL ledger needs psycopg: pip install 'modelops[postgres]'") from error
    return psycopg
