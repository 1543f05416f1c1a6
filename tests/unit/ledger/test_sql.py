"""The SQL files: one set of names, and an index for whatever is done once a trial."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from modelops_runtime.ledger.opening import open_ledger
from modelops_runtime.ledger.sql import parse, queries, schema_steps, statements

HOT = (
    "changes",
    "reserve",
    "propose",
    "record",
    "finish",
    "withdraw",
    "renew",
    "take_over",
    "holders",
    "find_lease",
    "seq",
    "queued_set",
    "is_paused",
)


def test_both_backends_have_the_same_queries_and_schema_versions():
    assert queries("sqlite").keys() == queries("postgres").keys()
    versions = [[(s.version, s.oldest_writer) for s in schema_steps(b)] for b in ("sqlite", "postgres")]
    assert versions[0] == versions[1]


@pytest.mark.parametrize("backend", ["sqlite", "postgres"])
def test_no_fragment_is_left_unfilled(backend):
    assert [name for name, sql in queries(backend).items() if re.search(r"\{\w+\}", sql)] == []


def test_every_query_takes_the_same_parameters_on_both_backends():
    assert {name: set(re.findall(r":([a-z_]+)", sql)) for name, sql in queries("sqlite").items()} == {
        name: set(re.findall(r"%\(([a-z_]+)\)s", sql)) for name, sql in queries("postgres").items()
    }


def test_both_schemas_have_the_same_tables_and_columns(tmp_path: Path, postgres):
    path = tmp_path / "ledger.sqlite"
    open_ledger(str(path)).close()
    connection = sqlite3.connect(path)
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
    ours = {(name, row[1]) for name in names for row in connection.execute(f"PRAGMA table_info({name})")}
    connection.close()
    url = postgres.new_database()
    open_ledger(url).close()
    sql = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'modelops'"
    assert set(postgres.execute(sql, database=url.rpartition("/")[2])) == ours


@pytest.mark.parametrize("name", HOT)
def test_sqlite_looks_up_by_an_index_whatever_is_done_for_every_trial(tmp_path: Path, name: str):
    path = tmp_path / "ledger.sqlite"
    open_ledger(str(path)).close()
    connection = sqlite3.connect(path)
    for statement in statements(queries("sqlite")[name]):
        params = dict.fromkeys(re.findall(r":([a-z_]+)", statement))
        for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", params):
            assert "SCAN trial" not in row[3]
            assert "SCAN replicate" not in row[3]
            assert "autoindex_trial_1 (run_key=?)" not in row[3], f"{name} reads all trials of the run: {row[3]}"
    connection.close()


def test_fragments_and_comments_are_taken_out():
    text = (
        "-- fragment: cols\na, b\n\n-- name: one\n-- why\nSELECT {cols}\n  FROM t;\nSELECT 2\n-- name: two\nSELECT 3\n"
    )
    assert parse(text) == {"one": "SELECT a, b\n  FROM t;\nSELECT 2", "two": "SELECT 3"}
    assert statements(parse(text)["one"]) == ["SELECT a, b\n  FROM t", "SELECT 2"]
