"""Versions of the tables: made once, migrated forwards, refused when too new to write to."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.ledger.base import Ledger
from modelops_runtime.ledger.sql import SchemaStep, schema_steps
from tests.support.postgres import PostgresServer
from tests.unit.ledger.builders import RUN, a_replicate, a_run, an_end, finished, proposed

VERSION_1 = Path(__file__).parent / "version_1.sql"

NEWEST = schema_steps("sqlite")[-1].version

NOTES = "ALTER TABLE trial ADD COLUMN note TEXT NOT NULL DEFAULT '';\nCREATE TABLE notes (x INTEGER);\n"


def open_with(url: str, steps: Sequence[SchemaStep] | None = None) -> Ledger:
    if url.startswith("postgresql"):
        from modelops_runtime.ledger.postgres import open_postgres

        return open_postgres(url, steps=steps)
    from modelops_runtime.ledger.sqlite import open_sqlite

    return open_sqlite(Path(url), steps=steps)


def with_next(url: str, *, oldest_writer: int, sql: str = NOTES) -> list[SchemaStep]:
    """Our steps and one of the future."""
    ours = schema_steps("postgres" if url.startswith("postgresql") else "sqlite")
    return [*ours, SchemaStep(version=len(ours) + 1, oldest_writer=oldest_writer, sql=sql)]


def test_an_older_ledger_is_migrated_with_its_rows(url: str):
    with_rows = open_with(url)
    with_rows.create_run(a_run())
    before = finished(with_rows)
    with_rows.close()
    migrated = open_with(url, with_next(url, oldest_writer=1))
    assert migrated.trials(RUN) == [before]
    finished(migrated)
    migrated.close()
    open_with(url, with_next(url, oldest_writer=1)).close()


def test_a_newer_ledger_that_lets_us_write_is_written(url: str):
    open_with(url, with_next(url, oldest_writer=1)).close()
    ours = open_with(url)
    ours.create_run(a_run())
    assert finished(ours).number == 0
    ours.close()


def test_a_newer_ledger_that_does_not_is_refused_in_one_line(url: str):
    newest = NEWEST + 1
    open_with(url, with_next(url, oldest_writer=newest)).close()
    said = rf"schema version {newest}, which version {newest} and later may write.*knows {NEWEST}: use a newer"
    with pytest.raises(LedgerError, match=said) as error:
        open_with(url)
    assert "\n" not in str(error.value)


def test_a_migration_that_fails_leaves_the_ledger_as_it_was(url: str):
    first = open_with(url)
    first.create_run(a_run())
    first.close()
    broken = with_next(url, oldest_writer=NEWEST + 1, sql=NOTES + "INSERT INTO nowhere VALUES (1);\n")
    with pytest.raises(LedgerError, match="nowhere"):
        open_with(url, broken)
    again = open_with(url)
    assert finished(again).number == 0
    again.close()
    open_with(url, with_next(url, oldest_writer=1)).close()


def test_many_workers_may_make_and_migrate_it_at_once(url: str):
    steps = with_next(url, oldest_writer=1)
    failures: list[BaseException] = []
    gate = threading.Barrier(8)

    def start(number: int) -> None:
        try:
            gate.wait()
            ledger = open_with(url, steps if number % 2 else None)
            ledger.create_run(a_run(trials=8))
            finished(ledger)
            ledger.close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=start, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    ledger = open_with(url, steps)
    run = ledger.get_run(RUN)
    assert run is not None
    assert [t.number for t in ledger.trials(RUN)] == list(range(run.trials))
    ledger.close()


def test_a_ledger_of_version_1_is_migrated_with_its_rows_and_then_queues_and_pauses(url: str, request):
    backend = "postgres" if url.startswith("postgresql") else "sqlite"
    open_with(url, schema_steps(backend)[:1]).close()
    run = "INSERT INTO run (run_id, identity, identity_parts, spec, provenance, observations, replicates, created_at) "
    run += f"VALUES ('{RUN}', 'abc', '{{}}', '{{}}', '{{}}', '{{}}', 3, '2026-03-01T09:30:00.000Z')"
    state = "INSERT INTO run_state (run_key, trials, reserved) SELECT run_key, 5, 1 FROM run"
    trial = "INSERT INTO trial (run_key, phase, number, draw, origin, status, lease_no) "
    trial += "SELECT run_key, 'search', 0, 0, 'ask', 'PENDING', 1 FROM run"
    if backend == "postgres":
        for sql in (run, state, trial):
            request.getfixturevalue("postgres").execute(
                f"SET search_path TO modelops; {sql}", database=url.rpartition("/")[2]
            )
    else:
        connection = sqlite3.connect(url)
        connection.executescript(f"{run}; {state}; {trial};")
        connection.close()
    ledger = open_with(url)
    old = ledger.get_run(RUN)
    assert old is not None
    assert (old.trials, old.paused, old.queued, old.space) == (5, False, 0, {})
    ledger.enqueue(RUN, [{"zeta": 1.0}])
    ledger.set_paused(RUN, True)
    assert ledger.is_paused(RUN)
    leases = [ledger.reserve(RUN, "w", guesses=0, lease_s=3600) for _ in range(2)]
    assert [lease and (lease.number, lease.draw) for lease in leases] == [(1, None), (2, 1)]
    taken = ledger.take_over(RUN, "w", lease_s=3600)
    assert taken is not None
    assert (taken.number, taken.draw) == (0, 0)
    ledger.close()


def test_a_file_of_version_1_is_read_and_gone_on_with(tmp_path: Path):
    path = tmp_path / "old.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(VERSION_1.read_text(encoding="utf-8"))
    connection.close()
    ledger = open_with(str(path))
    run = ledger.get_run(RUN)
    assert run is not None
    assert (run.trials, run.identity_parts["algorithm"]) == (5, "optuna")
    assert [(t.number, t.loss, t.status) for t in ledger.trials(RUN)] == [(0, 1.25, "COMPLETED"), (1, None, "LEASED")]
    assert ledger.replicates(RUN) == [a_replicate()]
    taken = ledger.take_over(RUN, "w2", lease_s=3600)
    assert taken is not None
    ledger.record(taken, [a_replicate(1)])
    assert ledger.finish(taken, an_end()).finished_seq == 4
    assert proposed(ledger).number == 2
    ledger.close()


def test_a_writer_of_version_2_may_go_on_with_a_ledger_of_version_3(url: str):
    backend = "postgres" if url.startswith("postgresql") else "sqlite"
    open_with(url, schema_steps(backend)[:3]).close()
    open_with(url, schema_steps(backend)[:2]).close()


def test_who_may_read_the_results_may_so_after_a_migration(postgres: PostgresServer):
    url = postgres.new_database()
    database = url.rpartition("/")[2]
    open_with(url, schema_steps("postgres")[:2]).close()
    role = f"reader_{database}"
    grants = f"GRANT USAGE ON SCHEMA modelops TO {role}; GRANT SELECT ON modelops.results TO {role}"
    postgres.execute(f"CREATE ROLE {role} LOGIN; {grants}", database=database)
    ledger = open_with(url)
    ledger.create_run(a_run())
    ledger.finish(proposed(ledger), an_end(effective_sample_size=1.5))
    ledger.close()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"SET ROLE {role}".encode())
        sizes = connection.execute(
            "SELECT effective_sample_size, confirmed_effective_sample_size FROM modelops.results"
        )
        assert sizes.fetchall() == [(1.5, None)]
