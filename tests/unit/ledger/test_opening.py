"""URLs, and what a user reads when a ledger cannot be opened."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from modelops_runtime.contracts.errors import LedgerError, NotLetIn, UserError
from modelops_runtime.ledger.base import Ledger
from modelops_runtime.ledger.error_messages import sqlite_message
from modelops_runtime.ledger.opening import ledger_exists, open_ledger
from tests.unit.ledger.builders import RUN, a_replicate, a_run, an_end, finished, proposed

ROOT = Path(__file__).parents[3]


def one_line(error: pytest.ExceptionInfo[BaseException]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert "s3cret" not in text
    return text


class TestUrls:
    @pytest.mark.parametrize("form", ["{path}", "sqlite:///{path}"])
    def test_a_file_and_its_folder_are_made(self, tmp_path: Path, form: str):
        path = tmp_path / "new" / "folder" / "ledger.sqlite"
        url = form.format(path=path)
        assert not ledger_exists(url)
        open_ledger(url).close()
        assert path.is_file()
        assert ledger_exists(url)

    def test_postgres_says_whether_it_holds_a_ledger(self, postgres_url: str):
        assert not ledger_exists(postgres_url)
        with pytest.raises(UserError, match="there is no ledger in it") as error:
            open_ledger(postgres_url, create=False)
        one_line(error)
        open_ledger(postgres_url).close()
        assert ledger_exists(postgres_url)
        open_ledger(postgres_url, create=False).close()

    def test_a_bare_postgresql_url_means_the_environments_variables(self, postgres):
        database = postgres.new_database().rpartition("/")[2]
        given = {"PGHOST": "127.0.0.1", "PGPORT": str(postgres.port), "PGUSER": "postgres", "PGDATABASE": database}
        code = "from modelops_runtime.ledger.opening import open_ledger; open_ledger('postgresql://').close()"
        subprocess.run([sys.executable, "-c", code], env={**os.environ, **given}, cwd=ROOT, check=True)
        assert ledger_exists(postgres.url(database))

    @pytest.mark.parametrize(
        "url", ["", ":memory:", "mysql://u:s3cret@h/d", "sqlite:///", "sqlite://x", "postgresql+psycopg://u:s3cret@h"]
    )
    def test_anything_else_is_a_mistake_in_one_line(self, url: str):
        with pytest.raises(UserError, match=re.escape("sqlite:///FILE or postgresql://")) as error:
            open_ledger(url)
        one_line(error)

    def test_a_missing_file_is_a_mistake_when_nothing_is_to_be_made(self, tmp_path: Path):
        with pytest.raises(UserError, match="there is no such file") as error:
            open_ledger(str(tmp_path / "none" / "ledger.sqlite"), create=False)
        one_line(error)
        assert list(tmp_path.iterdir()) == []

    def test_opening_a_ledger_imports_no_psycopg_for_sqlite(self, tmp_path: Path):
        opening = "from modelops_runtime.ledger.opening import open_ledger; open_ledger('l').close()"
        code = f"import sys; {opening}; assert 'psycopg' not in sys.modules"
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


class TestSqliteErrors:
    def test_a_file_that_is_no_database(self, tmp_path: Path):
        path = tmp_path / "notes.txt"
        path.write_text("not a database, but long enough to be looked at\n" * 100)
        with pytest.raises(UserError, match=r"notes.txt: not an SQLite database") as error:
            open_ledger(str(path))
        one_line(error)

    def test_a_database_of_something_else_is_left_alone(self, tmp_path: Path):
        path = tmp_path / "other.sqlite"
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE places (x)")
        before = path.read_bytes()
        with pytest.raises(UserError, match="of something else \\(places\\)") as error:
            open_ledger(str(path))
        one_line(error)
        assert path.read_bytes() == before

    def test_a_folder(self, tmp_path: Path):
        with pytest.raises(LedgerError, match="cannot be opened") as error:
            open_ledger(str(tmp_path))
        one_line(error)

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path):
        (tmp_path / "file").write_text("")
        with pytest.raises(LedgerError, match="the folder cannot be made") as error:
            open_ledger(str(tmp_path / "file" / "ledger.sqlite"))
        one_line(error)

    def test_a_full_disk(self, tmp_path: Path):
        ledger = open_ledger(str(tmp_path / "ledger.sqlite"))
        ledger._connection.session().execute("PRAGMA max_page_count = 1")  # type: ignore[attr-defined]
        with pytest.raises(LedgerError, match="the disk is full") as error:
            ledger.create_run(a_run(provenance={"x": "y" * 100_000}))
        one_line(error)
        ledger.close()

    def test_every_error_of_sqlite_has_a_line(self):
        errors = [e for e in vars(sqlite3).values() if isinstance(e, type) and issubclass(e, sqlite3.Error)]
        assert errors
        assert all(sqlite_message(error("boom\nbang")) == "boom bang" for error in errors)
        assert all(sqlite_message(error("")) for error in errors)


def test_nothing_is_written_to_a_file_that_was_removed(tmp_path: Path) -> None:
    ledger = open_ledger(str(tmp_path / "ledger.sqlite"))
    ledger.create_run(a_run())
    lease = proposed(ledger)
    for file in tmp_path.iterdir():
        file.unlink()
    with pytest.raises(LedgerError, match="removed"):
        ledger.record(lease, [a_replicate()])
    with pytest.raises(LedgerError, match="removed"):
        ledger.finish(lease, an_end())
    ledger.close()


class TestPostgresErrors:
    def test_a_server_that_is_not_there(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            with pytest.raises(LedgerError, match=rf"postgresql://127.0.0.1:{port}/d: .*refused") as error:
                open_ledger(f"postgresql://u:s3cret@127.0.0.1:{port}/d")
        one_line(error)

    def test_a_database_that_is_not_there(self, postgres):
        with pytest.raises(LedgerError, match="there is no such database on the server") as error:
            open_ledger(postgres.url("nothing"))
        one_line(error)

    def test_a_user_that_is_not_there(self, postgres):
        with pytest.raises(LedgerError, match="refuses this user or password") as error:
            open_ledger(postgres.url(user="nobody:s3cret"))
        one_line(error)

    def test_a_wrong_password(self, postgres):
        postgres.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
        rules = postgres.folder / "data" / "pg_hba.conf"
        before = rules.read_text()
        rules.write_text("host all guarded 127.0.0.1/32 scram-sha-256\n" + before)
        postgres.reload()
        with pytest.raises(LedgerError, match="refuses this user or password") as error:
            open_ledger(postgres.url(user="guarded:s3cret"))
        one_line(error)

    def test_a_server_that_lets_nobody_in_from_here(self, postgres):
        rules = postgres.folder / "data" / "pg_hba.conf"
        before = rules.read_text()
        rules.write_text("host all postgres 127.0.0.1/32 trust\n")
        postgres.reload()
        try:
            with pytest.raises(NotLetIn, match="the server lets nobody in from this address") as error:
                open_ledger(postgres.url(user="stranger:s3cret"), patience_s=60)
            one_line(error)
        finally:
            rules.write_text(before)
            postgres.reload()

    def test_a_user_who_may_not_create_tables(self, postgres, postgres_url: str):
        postgres.execute("CREATE ROLE reader LOGIN")
        with pytest.raises(LedgerError, match="the schema 'modelops' must be theirs") as error:
            open_ledger(postgres_url.replace("postgres@", "reader@"))
        one_line(error)

    @pytest.mark.parametrize(
        "url",
        [
            "postgresql://u:s3cret/x@127.0.0.1/d",
            "postgresql://u:12/s3cret@h/d",
            "postgresql://u:s3cret%zz@h/d",
            "postgresql://h/d?nonsense=s3cret",
        ],
    )
    def test_a_url_that_cannot_be_read_is_a_mistake_without_the_password(self, url: str):
        with pytest.raises(UserError, match="cannot be read") as error:
            open_ledger(url)
        one_line(error)


def test_a_scientist_can_read_one_view(ledger: Ledger, url: str, postgres):
    ledger.create_run(a_run())
    trial = finished(ledger, 2.5)
    finished(ledger, 1.5)
    ledger.confirm(RUN, [1])
    sql = "SELECT run, trial, status, loss, confirmed_loss, worker FROM {} WHERE param_id IS NOT NULL ORDER BY loss"
    if url.startswith("postgresql"):
        rows = postgres.execute(sql.format("modelops.results"), database=url.rpartition("/")[2])
    else:
        rows = sqlite3.connect(url).execute(sql.format("results")).fetchall()
    assert rows == [(RUN, 1, "COMPLETED", 1.5, None, "w1"), (RUN, 0, "COMPLETED", 2.5, None, trial.worker)]
