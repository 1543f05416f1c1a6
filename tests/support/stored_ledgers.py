"""Ledgers as each version of the schema wrote them, with the project whose runs they hold: old runs must go on.

`tests/stored/version_N.sql` is the dump of an SQLite ledger that a ModelOps of schema N made, one slot, with the project in
`tests/stored/project`: the run `finished`; `half-way`, whose worker was killed in the middle of a trial; from version 2 on
`queued`, killed too, then given a set and paused. A new schema's is made, before it changes anything else, by

    python -m tests.support.stored_ledgers
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from modelops_runtime.ledger.sql import schema_steps
from tests.support.projects import Project, mops_environment

STORED = Path(__file__).parents[1] / "stored"

QUEUED = {"rate": 0.3, "first": 5, "shape": "steady"}
"""The set that waits in `queued`."""

VERSIONS = sorted(int(path.stem.removeprefix("version_")) for path in STORED.glob("version_*.sql"))

NEWEST = schema_steps("sqlite")[-1].version


def stored_project(root: Path) -> Project:
    """A copy of the project, which no run has seen."""
    shutil.copytree(STORED / "project", root)
    home = root.parent / f"{root.name}-home"
    home.mkdir()
    return Project(root, mops_environment(home))


def restore(version: int, url: str) -> None:
    """Make the stored ledger of a version at `url`: of a file, or of an empty Postgres database."""
    dump = (STORED / f"version_{version}.sql").read_text(encoding="utf-8")
    if not url.startswith("postgresql"):
        Path(url).parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(url)) as file:
            file.executescript(dump)
        return
    with closing(sqlite3.connect(":memory:")) as kept:
        kept.executescript(dump)
        _copy(kept, version, url)


def _copy(kept: sqlite3.Connection, version: int, url: str) -> None:
    """The same rows in the tables that Postgres had at that version."""
    import psycopg
    from psycopg import sql

    from modelops_runtime.ledger.postgres import open_postgres

    open_postgres(url, steps=schema_steps("postgres")[:version]).close()
    with psycopg.connect(url) as connection:
        connection.execute("SET search_path TO modelops")
        for (table,) in kept.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'schema_version'"
        ):
            rows = kept.execute(f"SELECT * FROM {table}")
            names = [column[0] for column in rows.description]
            types = dict(
                connection.execute(
                    "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s", [table]
                ).fetchall()
            )
            insert = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, names)),
                sql.SQL(", ").join(sql.Placeholder() * len(names)),
            )
            for row in rows:
                given = [_cell(types[name], cell) for name, cell in zip(names, row, strict=True)]
                connection.execute(insert, given)
        connection.execute("SELECT setval(pg_get_serial_sequence('run', 'run_key'), max(run_key)) FROM run")


def _cell(kind: str, cell: Any) -> Any:
    if cell is None:
        return None
    return bool(cell) if kind == "boolean" else json.loads(cell) if kind == "ARRAY" else cell


def _store(version: int) -> Path:
    with tempfile.TemporaryDirectory() as folder:
        project = stored_project(Path(folder) / "project")
        ended = project.mops("run", "--spec", "adaptive.yaml", "--workers", "1", "--run-id", "finished")
        assert ended.code == 0, ended.err
        _killed(project, "half-way")
        _killed(project, "queued")
        (project.root / "sets.yaml").write_text(json.dumps(QUEUED))
        for command in (("enqueue", "queued", "sets.yaml"), ("pause", "queued")):
            assert project.mops(*command).code == 0
        with closing(sqlite3.connect(project.ledger)) as file:
            dump = "\n".join(file.iterdump()) + "\n"
    # Whose machine it was is nobody's business, and a holder of another machine is what a later worker meets.
    dump = re.sub(r"'[^'/]+/(\d+)/[^'/]+/[0-9a-f]+-\d+'", r"'host/\1/1/boot'", dump)
    dump = re.sub(r'("system": "\w+) [^"]*', r"\1", dump)
    path = STORED / f"version_{version}.sql"
    path.write_text(dump, encoding="utf-8")
    return path


def _killed(project: Project, run_id: str) -> None:
    """A run whose worker was killed after four trials, while it had recorded a part of another."""
    worker = project.start("run", "--spec", "adaptive.yaml", "--workers", "1", "--run-id", run_id)
    counts = (
        "SELECT (SELECT count(*) FROM trial t JOIN run r USING (run_key) WHERE r.run_id = :run AND t.status = 'COMPLETED'), "
        "(SELECT count(*) FROM replicate p JOIN trial t USING (run_key, number) JOIN run r USING (run_key) "
        "WHERE r.run_id = :run AND t.status = 'LEASED')"
    )
    with closing(sqlite3.connect(project.ledger)) as file:
        while True:
            finished, recorded = file.execute(counts, {"run": run_id}).fetchone()
            if finished >= 4 and recorded:
                break
            assert worker.poll() is None, "the run ended before it was killed"
            time.sleep(0.01)
    os.killpg(worker.pid, signal.SIGKILL)
    worker.communicate()


if __name__ == "__main__":
    sys.stdout.write(f"{_store(NEWEST)}\n")
