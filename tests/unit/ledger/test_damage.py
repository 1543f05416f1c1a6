"""A damaged row is refused in one line that names the ledger, the run, the row and the column."""

from __future__ import annotations

import contextlib
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.ledger.base import Ledger
from modelops_runtime.ledger.opening import open_ledger
from modelops_runtime.ledger.rows import pack, unpack
from modelops_runtime.ledger.worker_identity import is_dead, worker_id
from tests.unit.ledger.builders import OBSERVED, RUN, a_replicate, a_run, an_end, proposed

SPEC = {"version": 1, "name": RUN, "parameters": {"zeta": {"min": 0.0, "max": 9.0, "choices": None}}, "targets": {}}

ANY_LEDGER = [
    ("run", "identity_parts", "[]", "run 'boarding-school': column identity_parts holds '[]'"),
    ("run", "identity_parts", '{"a": 1}', "run 'boarding-school': column identity_parts has a 'a' that is not text"),
    ("run", "spec", "3", "run 'boarding-school': column spec holds '3'"),
    ("run", "spec", '{"parameters": []}', "run 'boarding-school': column spec has a"),
    ("run", "spec", '{"parameters": {"a": {"choices": 3}}}', "run 'boarding-school': column spec has a parameter 'a'"),
    ("run", "spec", '{"targets": {"t": 3}}', "run 'boarding-school': column spec has a target 't'"),
    ("run", "provenance", '"host"', "run 'boarding-school': column provenance holds"),
    ("run", "observations", '{"in_bed": {}}', "run 'boarding-school': column observations has a target 'in_bed'"),
    ("run", "space", '{"beta": {"min": "low"}}', "run 'boarding-school': column space has a parameter 'beta'"),
    ("run", "summary", '{"params": [1]}', "run 'boarding-school': column summary has 'params'"),
    ("run", "summary", '{"loss": "low"}', "run 'boarding-school': column summary has a 'loss'"),
    ("trial", "params", '["beta"]', "run 'boarding-school', trial 0: column params holds"),
    (
        "trial",
        "params",
        '{"beta": {}}',
        "run 'boarding-school', trial 0: column params holds no value of parameter 'beta'",
    ),
    ("trial", "params", None, "run 'boarding-school', trial 0: column params holds nothing"),
    ("trial", "diagnostics", "7", "run 'boarding-school', trial 0: column diagnostics holds '7'"),
    ("trial", "algorithm_state", "[1]", "run 'boarding-school', trial 0: column algorithm_state holds"),
    ("trial", "proposed_seq", None, "run 'boarding-school', trial 0: column proposed_seq holds nothing"),
    ("replicate", "seed", "12x", "run 'boarding-school', trial 0, replicate 0: column seed holds '12x'"),
    ("replicate", "seed", str(2**64), "run 'boarding-school', trial 0, replicate 0: column seed holds"),
    ("replicate", "aligned_encoding", "zstd", "run 'boarding-school', trial 0, replicate 0: column aligned_encoding"),
    ("replicate", "aligned", b"\x00" * 7, "run 'boarding-school', trial 0, replicate 0: column aligned cannot be read"),
    (
        "replicate",
        "aligned",
        b"\x00" * 16,
        "run 'boarding-school', trial 0, replicate 0: column aligned cannot be read",
    ),
    ("replicate", "aligned", b"", "run 'boarding-school', trial 0, replicate 0: column aligned cannot be read"),
]

SQLITE_ALONE = [
    ("run", "spec", "{", "run 'boarding-school': column spec holds no JSON"),
    ("run", "summary", "[" * 100_000, "run 'boarding-school': column summary holds JSON that is nested too deeply"),
    ("run", "spec", b"\xff\xfe", "run 'boarding-school': column spec holds bytes, where text is meant"),
    ("run", "created_at", "soon", "run 'boarding-school': column created_at holds 'soon'"),
    ("run_state", "trials", "many", "run 'boarding-school': column trials holds text, where a whole number is meant"),
    ("run_state", "state", "DONE", "run 'boarding-school': column state holds 'DONE'"),
    ("trial", "loss", "low", "run 'boarding-school', trial 0: column loss holds text, where a number is meant"),
    ("trial", "loss", float("inf"), "run 'boarding-school', trial 0: column loss holds inf"),
    ("trial", "loss", None, "run 'boarding-school', trial 0: column loss holds nothing"),
    ("trial", "status", "DONE", "run 'boarding-school', trial 0: column status holds 'DONE'"),
    ("trial", "replicates", 1.5, "run 'boarding-school', trial 0: column replicates holds a number"),
    ("trial", "error", b"\xff", "run 'boarding-school', trial 0: column error holds bytes"),
    ("trial", "finished_at", "9999-12-31T23:59:59-23:59", "run 'boarding-school', trial 0: column finished_at holds"),
    ("replicate", "aligned", "text", "run 'boarding-school', trial 0, replicate 0: column aligned holds text"),
    ("replicate", "seconds", "long", "run 'boarding-school', trial 0, replicate 0: column seconds holds text"),
    ("replicate", "log", b"\xfe", "run 'boarding-school', trial 0, replicate 0: column log holds bytes"),
]


def finished_run(ledger: Ledger) -> None:
    ledger.create_run(a_run(spec=SPEC, observations={"in_bed": OBSERVED}))
    lease = proposed(ledger)
    ledger.record(lease, [a_replicate()])
    ledger.finish(lease, an_end())


def read_all(url: str) -> str:
    """What is said of a ledger whose every row is read anew; empty when all is well."""
    ledger = open_ledger(url, create=False)
    try:
        ledger.get_run(RUN)
        ledger.trials(RUN)
        ledger.replicates(RUN)
    except LedgerError as error:
        return str(error)
    finally:
        ledger.close()
    return ""


def damage(url: str, table: str, column: str, value: object) -> None:
    if url.startswith("postgresql"):
        import psycopg

        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"UPDATE modelops.{table} SET {column} = %s".encode(), [value])
        return
    with contextlib.closing(sqlite3.connect(url)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(f"UPDATE {table} SET {column} = ?", [value])


def assert_named(url: str, said: str, expected: str) -> None:
    where = url.rpartition("@")[2] if url.startswith("postgresql") else url
    assert said, f"expected to be refused with: {expected}"
    assert expected in said
    assert where in said
    assert said.endswith("take the ledger from a backup, or start a new one")
    assert len(said.splitlines()) == 1
    assert len(said) < 1000


@pytest.mark.parametrize(("table", "column", "value", "expected"), ANY_LEDGER)
def test_what_a_row_must_hold_is_looked_at(
    url: str, opened: Callable[[], Ledger], table: str, column: str, value: object, expected: str
) -> None:
    finished_run(opened())
    assert read_all(url) == ""
    damage(url, table, column, value)
    assert_named(url, read_all(url), expected)


@pytest.mark.parametrize(("table", "column", "value", "expected"), SQLITE_ALONE)
def test_what_sqlite_lets_into_any_column_is_looked_at(
    tmp_path: Path, table: str, column: str, value: object, expected: str
) -> None:
    url = str(tmp_path / "ledger.sqlite")
    ledger = open_ledger(url)
    finished_run(ledger)
    ledger.close()
    damage(url, table, column, value)
    assert_named(url, read_all(url), expected)


def test_a_queued_set_that_is_none_is_named(url: str, opened: Callable[[], Ledger]) -> None:
    ledger = opened()
    ledger.create_run(a_run())
    ledger.enqueue(RUN, [{"zeta": 1.0}])
    damage(url, "queued", "params", "[]")
    lease = ledger.reserve(RUN, "w", guesses=0, lease_s=60)
    assert lease is not None
    with pytest.raises(LedgerError, match="run 'boarding-school', a set in its queue: column params holds"):
        ledger.queued_set(lease)


def test_a_number_list_that_is_none_is_named(tmp_path: Path) -> None:
    url = str(tmp_path / "ledger.sqlite")
    ledger = open_ledger(url)
    ledger.create_run(a_run())
    damage(url, "run_state", "withdrawn", "{")
    with pytest.raises(
        LedgerError, match=r"ledger\.sqlite: column withdrawn of a run's row in run_state holds no JSON"
    ):
        ledger.reserve(RUN, "w", guesses=0, lease_s=60)
    ledger.close()


def test_a_version_that_is_none_is_refused(tmp_path: Path) -> None:
    url = str(tmp_path / "ledger.sqlite")
    open_ledger(url).close()
    damage(url, "schema_version", "version", "one")
    with pytest.raises(LedgerError, match="table schema_version holds no version"):
        open_ledger(url)


def test_a_damaged_run_does_not_stand_in_the_way_of_another(url: str, opened: Callable[[], Ledger]) -> None:
    ledger = opened()
    finished_run(ledger)
    damage(url, "run", "spec", "[]")
    assert ledger.create_run(a_run("other")).run_id == "other"
    assert ledger.trials("other") == []


@pytest.mark.parametrize("size", [0, 8, 24, 80_000])
def test_what_was_packed_is_unpacked_and_a_cut_is_seen(size: int) -> None:
    aligned = bytes(size)
    encoding, packed = pack(aligned)
    assert unpack(encoding, packed, size) == aligned
    whole = zlib.compress(aligned)
    for cut in (0, 1, len(whole) - 1):
        with pytest.raises(ValueError, match=r"cut short|decompressing"):
            unpack("zlib", whole[:cut], size)


def test_a_bomb_is_not_unpacked() -> None:
    bomb = zlib.compress(bytes(50_000_000))
    with pytest.raises(ValueError, match="more than 3 values"):
        unpack("zlib", bomb, 24)


def test_a_counter_that_is_none_is_named(tmp_path: Path) -> None:
    url = str(tmp_path / "ledger.sqlite")
    ledger = open_ledger(url)
    ledger.create_run(a_run())
    damage(url, "run_state", "seq", "many")
    with pytest.raises(LedgerError, match=r"ledger\.sqlite: column seq of a run's row in run_state"):
        ledger.wait(RUN, 0, 0.0)
    ledger.close()


@pytest.mark.parametrize("pid", ["", "²", "9" * 5000, "-1", "x\x1b"])
def test_a_holder_that_is_no_process_of_ours_is_not_said_to_be_dead(pid: str) -> None:
    host, _, *place = worker_id().split("/")
    assert is_dead("/".join([host, pid, *place])) is None
