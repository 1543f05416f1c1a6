"""The messages for errors of the databases: one line each, that never contains a password."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING

from modelops_runtime.ledger.base import TO_DO_WHEN_DAMAGED

if TYPE_CHECKING:
    import psycopg

_SQLITE: Mapping[int, str] = {
    sqlite3.SQLITE_BUSY: "locked by another program for too long; end what holds it open, and try again",
    sqlite3.SQLITE_LOCKED: "locked by another program for too long; end what holds it open, and try again",
    sqlite3.SQLITE_NOTADB: "not an SQLite database; name another file as the ledger",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; take it from a backup, or start a new one",
    sqlite3.SQLITE_READONLY: "cannot be written to; make the file and its folder writable",
    sqlite3.SQLITE_PERM: "cannot be opened; make the file and its folder writable",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; it must be a file in a folder that is writable",
    sqlite3.SQLITE_FULL: "the disk is full; make room, and run again to go on",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write; is it full, or a network file system?",
    sqlite3.SQLITE_NOMEM: "there is no memory left",
    sqlite3.SQLITE_TOOBIG: "a value is too large to be kept",
}

_POSTGRES: Mapping[str, str] = {
    "28": "the server refuses this user or password; see PGUSER and PGPASSWORD, or the URL",
    "3D": "there is no such database on the server",
    "42501": "this user may not create or write the ledger's tables; the schema 'modelops' must be theirs",
    "53100": "the server's disk is full; make room, and run again to go on",
    "53": "the server is short of memory or connections",
    "57P01": "the server was shut down, or ended the connection",
    "57P02": "the server crashed",
    "57P03": "the server is starting up or shutting down",
    "57014": "a statement was cancelled on the server, or took longer than its statement_timeout",
    "25006": "the server takes no writes (a standby, or read-only); name the primary one",
    "08": "the connection broke",
    "40": "another transaction was in the way",
}

_LOST_STATES = ("08", "57P01", "57P02", "57P03", "40", "53300", "25P03")

_NOT_TRUSTED = (
    "the server's certificate is of no CA that is trusted here; name its CA by sslrootcert "
    "(on a cluster: ca.crt in the run's Secret)"
)

_TLS: Mapping[str, str] = {
    "certificate verify failed": _NOT_TRUSTED,
    "provider signature failure": _NOT_TRUSTED,  # a CA of the same name with another key
    "does not match host name": "the server's certificate is for another host; connect by the name that it holds",
    "root certificate file": "sslrootcert must be a PEM file with the CA of the server's certificate",
    "server does not support SSL": "TLS is required, and the server has none; switch it on there",
}
"""Messages for refused TLS connections. Repeating does not help."""

_NOT_LET_IN = "no pg_hba.conf entry"
"""A managed server's firewall says this, too."""

_REFUSALS: Mapping[str, str] = {
    "password authentication failed": "28P01",
    "no password supplied": "28P01",
    "pg_hba.conf": "28000",
    "role": "28000",
    "authentication": "28000",
    "is not permitted to log in": "28000",
    "permission denied for database": "42501",
    "does not exist": "3D000",
    "starting up": "57P03",
    "shutting down": "57P03",
    "recovery": "57P03",
    "not yet accepting": "57P03",
    "too many": "53300",
    "remaining connection slots": "53300",
    "terminating connection": "57P01",
}


_DAMAGED_LIST = "malformed JSON"
"""SQLite's error for the only JSON that it reads itself: the list of withdrawn numbers."""


def sqlite_message(error: sqlite3.Error) -> str:
    """One line for `error`; SQLite's own words if it is not listed here."""
    if str(error) == _DAMAGED_LIST:
        return f"column withdrawn of a run's row in run_state holds no JSON; {TO_DO_WHEN_DAMAGED}"
    code = getattr(error, "sqlite_errorcode", None)
    known = _SQLITE.get(code & 0xFF) if code is not None else None
    return known or _one_line(str(error))


def postgres_message(error: psycopg.Error) -> str:
    """One line for `error`: what it means to the user, and the server's own words, which never contain a password."""
    state = sqlstate(error) or ""
    known = next((_POSTGRES[state[:length]] for length in (5, 2) if state[:length] in _POSTGRES), None)
    words = _words(error)
    if _NOT_LET_IN in words:
        known = (
            "the server lets nobody in from this address, as this user, in this way; see its firewall, or pg_hba.conf"
        )
    known = known or next((message for part, message in _TLS.items() if part in words), None)
    return f"{known} ({words})" if known else words


def is_lost(error: psycopg.Error, *, connecting: bool) -> bool:
    """Whether a repetition with a new connection may succeed."""
    import psycopg

    state = sqlstate(error)
    if state is not None:
        return state.startswith(_LOST_STATES)
    if isinstance(error, psycopg.ProgrammingError):
        return False
    return not any(part in str(error) for part in _TLS) if connecting else _is_broken(error)


def is_not_let_in(error: psycopg.Error) -> bool:
    """Whether the server refuses connections from this address."""
    return _NOT_LET_IN in _words(error)


def _is_broken(error: psycopg.Error) -> bool:
    import psycopg

    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


def sqlstate(error: psycopg.Error) -> str | None:
    """The server's error code. libpq has none for a refused connection; it is found by the words of the message then."""
    if error.sqlstate or "FATAL:" not in str(error):
        return error.sqlstate
    words = _words(error)
    return next((state for part, state in _REFUSALS.items() if part in words), None)


def _words(error: psycopg.Error) -> str:
    if error.diag.message_primary:
        return _one_line(error.diag.message_primary)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "failed:" in line or "FATAL:" in line]
    # After a password is refused over TLS, libpq tries without TLS, which a server may refuse from any address.
    telling = [line for line in telling if _NOT_LET_IN not in line] or telling
    return _one_line((telling or lines or [type(error).__name__])[-1])


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300] or "unknown error"
