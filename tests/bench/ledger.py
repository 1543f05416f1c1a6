"""What a trial costs in the ledger, with many finished trials before it and with few."""

from __future__ import annotations

import sqlite3
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.ledger.base import Ledger, Replicate, Run, TrialEnd
from modelops_runtime.ledger.opening import open_ledger
from modelops_runtime.ledger.worker_identity import worker_id
from tests.bench.report import Report, Settings, Table, Target, median, number, percentile, ratio
from tests.support.postgres import postgres_server

FEW = 100
REPLICATES = 10
OBSERVATIONS = 14
RUN = "bench"
LIMIT = 1.2


@dataclass
class Place:
    """A ledger, and how far its changes were read."""

    ledger: Ledger
    seq: int = 0


def run(settings: Settings) -> Report:
    many, times = (100_000, 500) if settings.full else (5_000, 100)
    measured: dict[str, dict[int, list[float]]] = {}
    with TemporaryDirectory(prefix="modelops-bench-") as folder:
        urls = {before: f"sqlite:///{folder}/{before}.sqlite" for before in (FEW, many)}
        measured["sqlite"] = _measure(urls, times)
    with postgres_server() as server:
        measured["postgres"] = _measure({before: server.new_database() for before in (FEW, many)}, times)
    ratios = {name: ratio(median(by[many]), median(by[FEW])) for name, by in measured.items()}
    rows = [
        [
            name,
            *(f"{1000 * median(by[before]):.2f}" for before in (FEW, many)),
            *(f"{1000 * percentile(by[before], 0.95):.2f}" for before in (FEW, many)),
            number(ratios[name]),
        ]
        for name, by in measured.items()
    ]
    ends = (f"{FEW:,}", f"{many:,}")
    columns = [
        "ms a trial",
        *(f"median after {e}" for e in ends),
        *(f"p95 after {e}" for e in ends),
        "ratio of medians",
    ]
    return Report(
        title=f"ledger: reserve, propose, record {REPLICATES} replicates, finish, read changes",
        tables=[Table(columns, rows)],
        targets=[
            Target(f"{name}, after {many:,} over after {FEW}", found, "at most", LIMIT)
            for name, found in ratios.items()
        ],
        notes=[
            f"medians of {times} trials each, in turns; the trials before are copied in by SQL; Postgres with fsync off"
        ],
        figures={
            "ratios": ratios,
            "seconds": {name: {str(n): s for n, s in by.items()} for name, by in measured.items()},
        },
    )


def _measure(urls: dict[int, str], times: int) -> dict[int, list[float]]:
    """Seconds of each trial, by the number of trials before it; the ledgers take turns."""
    places: dict[int, Place] = {}
    try:
        for before, url in urls.items():
            places[before] = _filled(url, before, budget=before + times + 20)
        for place in places.values():
            for _ in range(20):
                _trial(place)
        seconds: dict[int, list[float]] = {before: [] for before in urls}
        for turn in range(times):
            for before in urls if turn % 2 else reversed(urls):
                started = time.perf_counter()
                _trial(places[before])
                seconds[before].append(time.perf_counter() - started)
        return seconds
    finally:
        for place in places.values():
            place.ledger.close()


def _trial(place: Place) -> None:
    """One trial's life, as the loop writes it."""
    ledger = place.ledger
    lease = ledger.reserve(RUN, worker_id(), guesses=0, lease_s=120)
    if lease is None:
        raise RuntimeError("the budget is used up")
    params = {"beta": 1.7 + lease.number * 1e-7, "gamma": 0.45}
    lease = ledger.propose(lease, params, origin="ask", known=place.seq, incumbent=None, algorithm_state=None).lease
    ledger.record(lease, _replicates(lease.number))
    end = TrialEnd(
        status=TrialStatus.COMPLETED,
        loss=1000.0,
        loss_se=10.0,
        replicates=REPLICATES,
        seconds=0.01,
        diagnostics={"targets": {"in_bed": 1000.0}},
    )
    ledger.finish(lease, end)
    for trial in ledger.changes(RUN, place.seq):
        place.seq = max(place.seq, trial.proposed_seq or 0, trial.finished_seq or 0)


def _replicates(trial: int) -> list[Replicate]:
    values = struct.pack(f"<{OBSERVATIONS}d", *(trial % 97 * day for day in range(OBSERVATIONS)))
    return [
        Replicate(
            number=trial,
            index=index,
            seed=2**63 + index,
            status="COMPLETED",
            seconds=0.001,
            aligned=values,
            digest=f"{index:032x}",
        )
        for index in range(REPLICATES)
    ]


def _filled(url: str, before: int, *, budget: int) -> Place:
    """A new ledger with `before` finished trials: the first by our own calls, the others copied from it."""
    ledger = open_ledger(url)
    ledger.create_run(
        Run(run_id=RUN, identity="bench", identity_parts={}, spec={}, trials=budget, replicates=REPLICATES)
    )
    first = Place(ledger)
    _trial(first)
    ledger.close()
    with _database(url) as (execute, counted, text):
        for statement in _copies(execute, before, counted=counted, text=text):
            execute(statement)
    return Place(open_ledger(url, create=False), seq=2 * before)


@contextmanager
def _database(url: str) -> Iterator[tuple[Any, str, str]]:
    """(execute, a table `c(k)` of 1 to {last}, k as 64 characters) of a database; ends with fresh statistics."""
    if url.startswith("sqlite"):
        counted = (
            "(WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < {last}) SELECT k FROM n) AS c"
        )
        with closing(sqlite3.connect(Path(url.removeprefix("sqlite:///")))) as connection, connection:
            yield connection.execute, counted, "printf('%064d', k)"
        return
    import psycopg

    with psycopg.connect(url, autocommit=True, options="-c search_path=modelops") as connection:
        yield connection.execute, "generate_series(1, {last}) AS c(k)", "lpad(k::text, 64, '0')"
        connection.execute("VACUUM ANALYZE")


def _copies(execute: Any, before: int, *, counted: str, text: str) -> Sequence[str]:
    """Statements that copy trial 0 and its replicates to 1 ... before - 1."""
    counter = counted.format(last=before - 1)
    own = {
        "trial": {
            "number": "k",
            "draw": "k",
            "loss": "1000 + k",
            "param_id": text,
            "proposed_seq": "2 * k + 1",
            "finished_seq": "2 * k + 2",
            "changed_seq": "2 * k + 2",
        },
        "replicate": {"number": "k"},
    }
    statements: list[str] = []
    for table, replaced in own.items():
        columns = [column[0] for column in execute(f"SELECT * FROM {table} LIMIT 0").description]
        values = ", ".join(replaced.get(column, f"t.{column}") for column in columns)
        statements.append(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} AS t, {counter}")
    return [*statements, f"UPDATE run_state SET reserved = {before}, seq = {2 * before}"]
