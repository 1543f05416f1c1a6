"""Opens the ledger at a URL."""

from __future__ import annotations

import re
from pathlib import Path

from modelops_runtime.contracts.errors import LedgerError, UserError
from modelops_runtime.contracts.plain_text import plain_line
from modelops_runtime.ledger.base import Ledger, Run

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*):")


def open_ledger(url: str, *, create: bool = True, patience_s: float = 0.0) -> Ledger:
    """The ledger at `url`: a path, `sqlite:///path`, `postgresql://...` (alone: PG* variables say where).

    `create` makes missing files, folders and tables. Waits up to `patience_s` seconds for a Postgres server that does
    not answer yet. Raises UserError for a malformed URL, or if there is no ledger and `create` is False; LedgerError
    for a database that cannot be used.
    """
    if _is_postgres(url):
        from modelops_runtime.ledger.postgres import open_postgres

        return open_postgres(url, create=create, patience_s=patience_s)
    from modelops_runtime.ledger.sqlite import open_sqlite

    return open_sqlite(_path(url), create=create)


def ledger_exists(url: str, *, patience_s: float = 0.0) -> bool:
    """Whether `open_ledger(url, create=False)` would find one. Raises LedgerError for a server that cannot be reached."""
    if _is_postgres(url):
        from modelops_runtime.ledger.postgres import holds_ledger

        return holds_ledger(url, patience_s=patience_s)
    path = _path(url)
    return path.is_file() and path.stat().st_size > 0


def ledger_files(url: str) -> list[Path]:
    """The files of an SQLite ledger while it is open; none for Postgres."""
    if _is_postgres(url):
        return []
    path = _path(url)
    return [path.with_name(f"{path.name}{suffix}") for suffix in ("", "-wal", "-shm")]


def run_names(url: str) -> list[str]:
    """The names of all runs, newest first. The ledger is not changed: its schema is not migrated.

    Raises UserError for a malformed URL, LedgerError for a database that cannot be read.
    """
    if _is_postgres(url):
        from modelops_runtime.ledger.postgres import read_run_names

        return read_run_names(url)
    from modelops_runtime.ledger.sqlite import read_run_names

    return read_run_names(_path(url))


def _is_postgres(url: str) -> bool:
    return url.startswith(("postgresql://", "postgres://"))


def _path(url: str) -> Path:
    if url.startswith("sqlite:///") and url != "sqlite:///":
        return Path(url.removeprefix("sqlite:///"))
    scheme = _SCHEME.match(url)
    if not url or url == ":memory:" or scheme:
        # The scheme alone: the rest may hold a password.
        given = f"{scheme[1]}:..." if scheme else repr(url)
        raise UserError(f"a ledger is a file, sqlite:///FILE or postgresql://USER@HOST/DATABASE, not {given}")
    return Path(url)


def run_called(ledger: Ledger, run_id: str) -> Run:
    """The run of that name. If there is none, raises UserError with the names of the others."""
    run = ledger.get_run(run_id)
    if run is None:
        known = ", ".join(plain_line(run.run_id) for run in ledger.list_runs()[:10]) or "none"
        raise UserError(f"no run {run_id!r} in this ledger; there is: {known}")
    return run


def run_in(ledger: Ledger, run_id: str) -> Run:
    """The run of that name, which the caller expects to be there. Raises LedgerError if it is not."""
    run = ledger.get_run(run_id)
    if run is None:
        raise LedgerError(f"no run {run_id!r} in this ledger")
    return run
