"""Makes or drops a run's own database on a shared server, as the server's admin.

`python -m modelops_runtime.ledger.provision make | drop`. The PG* variables are the admin's. MODELOPS_DATABASE is
the name of the database and of its role, MODELOPS_DATABASE_PASSWORD the role's password.
Exit codes: 0 done (or there was nothing to do), 1 failed, 2 wrong options or environment.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from modelops_runtime.contracts.errors import LedgerError, ModelOpsError
from modelops_runtime.contracts.plain_text import plain_streams
from modelops_runtime.ledger.connection import patiently
from modelops_runtime.ledger.postgres import PostgresConnection
from modelops_runtime.ledger.tls import add_ledger_options, asked_ledger

if TYPE_CHECKING:
    import psycopg

_PATIENCE_S = 120.0
"""Seconds: the server may still be starting, and a network policy may admit a new pod with some delay."""


def make_database(connection: psycopg.Connection, name: str, password: str) -> None:
    """Make role and database `name`; roles of other runs may not connect to it.

    May be repeated, which sets the password again. It is sent as a SCRAM-SHA-256 verifier, so that a log of the server's
    statements does not contain it.
    """
    from psycopg import sql

    role = sql.Identifier(name)
    verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    if not _is_there(connection, "SELECT FROM pg_roles WHERE rolname = %s", name):
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
    connection.execute(sql.SQL("ALTER ROLE {} WITH LOGIN PASSWORD {}").format(role, sql.Literal(verifier)))
    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))  # or the role could not own the database
    if not _is_there(connection, "SELECT FROM pg_database WHERE datname = %s", name):
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(role))


def drop_database(connection: psycopg.Connection, name: str) -> None:
    """Drop database and role `name`, even if somebody is connected. May be repeated."""
    from psycopg import sql

    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


def _is_there(connection: psycopg.Connection, question: str, name: str) -> bool:
    return connection.execute(question.encode(), (name,)).fetchone() is not None


@contextmanager
def _rights_named(where: str) -> Iterator[None]:
    import psycopg

    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        right = "PGUSER must be the server's admin, with CREATEROLE and CREATEDB"
        raise LedgerError(f"{where}: {error.diag.message_primary}; {right}") from error


def main(args: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m modelops_runtime.ledger.provision", description=__doc__)
    parser.add_argument("what", choices=("make", "drop"))
    add_ledger_options(parser, default="postgresql://")
    options = parser.parse_args(args)
    name = environment["MODELOPS_DATABASE"]
    connection = PostgresConnection(asked_ledger(options))

    def work(again: bool) -> None:
        with connection.using() as session, _rights_named(connection.where):
            if options.what == "drop":
                drop_database(session, name)
            else:
                make_database(session, name, environment["MODELOPS_DATABASE_PASSWORD"])

    try:
        patiently(work, patience_s=_PATIENCE_S)
    except ModelOpsError as error:
        print(f"provision: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    finally:
        connection.close()
    return 0


if __name__ == "__main__":
    with plain_streams():
        sys.exit(main())
