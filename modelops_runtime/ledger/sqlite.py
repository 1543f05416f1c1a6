"""A ledger in one SQLite file, for the processes of one machine.

It is in WAL mode with synchronous=NORMAL: no write is lost if a process is killed; after a power cut the last writes may
be missing, but the file is intact. WAL needs a local disk: where there is only a network file system, use Postgres.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections import namedtuple
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from modelops_runtime.contracts.errors import LedgerError, UserError
from modelops_runtime.contracts.private_files import make_file, make_folder
from modelops_runtime.ledger.base import TO_DO_WHEN_DAMAGED
from modelops_runtime.ledger.cells import Row, Rows
from modelops_runtime.ledger.connection import ConstraintBroken, Params
from modelops_runtime.ledger.error_messages import sqlite_message
from modelops_runtime.ledger.schema import bring_up_to_date
from modelops_runtime.ledger.sql import SchemaStep, queries, schema_steps, statements
from modelops_runtime.ledger.sql_ledger import SqlLedger

BUSY_S = 60.0
"""Seconds for which a statement waits for other writers of the file."""

GONE = "the ledger's file was removed while it was in use, by the model perhaps; what it held is lost"

_MAY_BE_GONE = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)

POLL_S = 0.025
"""Seconds between the queries of `wait`."""


def open_sqlite(path: Path, *, create: bool = True, steps: Sequence[SchemaStep] | None = None) -> SqlLedger:
    """The ledger in the file `path`; with `create`, a missing file (mode 0600) and its folder are made.

    Raises UserError if there is no file and `create` is False, LedgerError if the file cannot be used.
    """
    if not create and not path.is_file():
        raise UserError(f"{path}: there is no such file; `mops run` makes a ledger, --ledger names another one")
    try:
        if create:
            make_folder(path.parent)
    except OSError as error:
        raise LedgerError(f"{path}: the folder cannot be made ({error.strerror})") from error
    if create:
        make_file(path)  # -wal and -shm get the mode of the file
    connection = SqliteConnection(path)
    try:
        schema = _Schema(connection.session(), path)
        with connection.errors():
            bring_up_to_date(schema, steps or schema_steps("sqlite"), where=str(path), create=create)
            _use_wal(connection.session())
    except BaseException:
        connection.close()
        raise
    return SqlLedger(connection)


def read_run_names(path: Path) -> list[str]:
    """As `opening.run_names`."""
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as session:
            return [row.run_id for row in _run(session, _statements("run_names"), {})]
    except sqlite3.Error as error:
        raise LedgerError(f"{path}: {sqlite_message(error)}") from error


class SqliteConnection:
    """A Connection to one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.where = str(path)
        self._sessions: dict[int, sqlite3.Connection] = {}

    def session(self) -> sqlite3.Connection:
        """The calling thread's own session."""
        thread = threading.get_ident()
        if thread not in self._sessions:
            with self.errors():
                session = sqlite3.connect(
                    self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False, cached_statements=256
                )
                self._sessions[thread] = session
                session.text_factory = _text
                session.execute("PRAGMA synchronous = NORMAL")
        return self._sessions[thread]

    def rows(self, name: str, params: Params) -> Rows:
        session = self.session()
        parts = _statements(name)
        with self.errors():
            if len(parts) == 1:
                return parts[0].run(session, params) or []
            with _transaction(session):
                return _run(session, parts, params)

    def rows_of_all(self, steps: Sequence[tuple[str, Params]]) -> list[Rows]:
        self._refuse_if_gone()
        if len(steps) == 1:
            return [self.rows(*steps[0])]
        session = self.session()
        with self.errors(), _transaction(session):
            return [_run(session, _statements(name), params) for name, params in steps]

    def _refuse_if_gone(self) -> None:
        """Raises LedgerError if the file was removed. SQLite would go on writing to it, and the data would be lost."""
        if not os.path.exists(self._path):
            raise LedgerError(f"{self._path}: {GONE}")

    def wait(self, run_key: int, after: int, timeout_s: float) -> bool:
        ends = time.monotonic() + timeout_s
        while True:
            rows = self.rows("seq", {"run_key": run_key})
            seq = rows[0].seq if rows else 0
            if not isinstance(seq, int):
                wrong = "column seq of a run's row in run_state holds no whole number"
                raise LedgerError(f"{self._path}: {wrong}; {TO_DO_WHEN_DAMAGED}")
            if seq > after:
                return True
            left = ends - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(POLL_S, left))

    def close(self) -> None:
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Within it, errors of SQLite are raised as LedgerError."""
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise ConstraintBroken(str(error).rpartition(": ")[2]) from error
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in _MAY_BE_GONE and self._sessions and not os.path.exists(self._path):
                raise LedgerError(f"{self._path}: {GONE}") from error
            raise (UserError if code == sqlite3.SQLITE_NOTADB else LedgerError)(
                f"{self._path}: {sqlite_message(error)}"
            ) from error


class _Schema:
    """A SchemaConnection."""

    def __init__(self, session: sqlite3.Connection, path: Path) -> None:
        self._session = session
        self._path = path

    def version(self) -> tuple[int, int] | None:
        tables = {row.name for row in self._rows("tables")}
        if not tables:
            return None
        if "schema_version" not in tables:
            raise UserError(f"{self._path}: an SQLite database of something else ({', '.join(sorted(tables)[:3])})")
        rows = self._rows("schema_version")
        if not rows:
            return None
        version, oldest_writer = rows[0].version, rows[0].oldest_writer
        if not (isinstance(version, int) and isinstance(oldest_writer, int)):
            wrong = "table schema_version holds no version"
            raise LedgerError(f"{self._path}: {wrong}; {TO_DO_WHEN_DAMAGED}")
        return version, oldest_writer

    def _rows(self, name: str, params: Params | None = None) -> Rows:
        return _run(self._session, _statements(name), params or {})

    def lock(self) -> None:
        self._session.execute("BEGIN IMMEDIATE")

    def begin_at_zero(self) -> None:
        self._rows("create_schema_version")

    def apply(self, step: SchemaStep) -> None:
        for statement in statements(step.sql):
            self._session.execute(statement)
        self._rows("set_schema_version", {"version": step.version, "oldest_writer": step.oldest_writer})

    def commit(self) -> None:
        self._session.execute("COMMIT")

    def rollback(self) -> None:
        _rollback(self._session)


def _text(data: bytes) -> str | bytes:
    """The text, or bytes that are not UTF-8 unchanged: the reader of the row then names the cell in its error."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


class _Statement:
    """A statement whose rows are named tuples. Their type is made at its first use, as the columns stay the same."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._named: Callable[[tuple[Any, ...]], Row] | None = None

    def run(self, session: sqlite3.Connection, params: Params) -> Rows | None:
        """Its rows; None for a statement without a result."""
        cursor = session.execute(self._sql, params)
        rows = cursor.fetchall()
        if rows:
            named = self._named or self._name(cursor)
            return list(map(named, rows))
        return None if cursor.description is None else []

    def _name(self, cursor: sqlite3.Cursor) -> Callable[[tuple[Any, ...]], Row]:
        record: Any = namedtuple("Row", [column[0] for column in cursor.description])
        self._named = partial(tuple.__new__, record)  # as record._make, but faster: no Python code runs for each row
        return self._named


@cache
def _statements(name: str) -> list[_Statement]:
    return [_Statement(sql) for sql in statements(queries("sqlite")[name])]


def _run(session: sqlite3.Connection, parts: Sequence[_Statement], params: Params) -> Rows:
    """The rows of the last statement that has a result."""
    rows: Rows = []
    for part in parts:
        found = part.run(session, params)
        rows = rows if found is None else found
    return rows


@contextlib.contextmanager
def _transaction(session: sqlite3.Connection) -> Iterator[None]:
    session.execute("BEGIN IMMEDIATE")
    try:
        yield
        session.execute("COMMIT")
    except BaseException:
        _rollback(session)
        raise


def _rollback(session: sqlite3.Connection) -> None:
    # After some errors (disk full, I/O) SQLite has already rolled back.
    if session.in_transaction:
        session.execute("ROLLBACK")


def _use_wal(session: sqlite3.Connection) -> None:
    """Switch to WAL. Unlike other statements, this one does not wait for a locked file, so it is repeated here."""
    ends = time.monotonic() + BUSY_S
    while True:
        try:
            (mode,) = session.execute("PRAGMA journal_mode").fetchone()
            if mode != "wal":
                session.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                raise
            time.sleep(0.02)
