"""What a trial asks of its ledger: SQL statements, round trips, and the speed of a search whose Postgres is far away.

`python -m tests.bench.round_trips` prints it; it starts a Postgres of its own.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from tests.bench import ours
from tests.bench.report import median
from tests.bench.workload import Workload
from tests.support.postgres import postgres_server
from tests.support.slow_network import slow_network

TRIALS = 60
DELAY_S = 0.002
"""Each way."""
REPEATS = 3
SLOTS = (1, 2, 3)


@contextmanager
def statements_counted() -> Iterator[Counter[str]]:
    """Every statement that SQLite runs meanwhile, by its first words."""
    seen: Counter[str] = Counter()
    connect = sqlite3.connect

    def traced(*args, **options) -> sqlite3.Connection:
        connection = connect(*args, **options)
        connection.set_trace_callback(lambda sql: seen.update([" ".join(sql.split()[:3])]))
        return connection

    with patch("sqlite3.connect", traced):
        yield seen


def measure(seconds: float, *, slots: int, ledger_url: str | None = None, trials: int = TRIALS) -> ours.OurRun:
    with TemporaryDirectory(prefix="modelops-bench-") as folder:
        spec = ours.write_project(Path(folder), Workload(seconds=seconds, trials=trials, model="ward"))
        return ours.run(spec, slots=slots, ledger_url=ledger_url)


def simulations_a_second(run: ours.OurRun) -> float:
    return len(run.replicates) / run.wall_s


def main() -> None:
    with statements_counted() as few:
        measure(0.0, slots=1, trials=20)
    with statements_counted() as many:
        measure(0.0, slots=1, trials=20 + TRIALS)
    more = many - few
    print(f"SQLite, one slot: {sum(more.values()) / TRIALS:.1f} statements a trial")
    for words, count in more.most_common(20):
        print(f"  {count / TRIALS:5.2f} {words}")
    used = median([measure(0.0, slots=1).processor_s * 1000 / TRIALS for _ in range(REPEATS)])
    print(
        f"SQLite, one slot, a model that returns at once: {used:.1f} ms of processor time a trial, simulations included"
    )
    with postgres_server() as server, slow_network(server.port, delay_s=DELAY_S) as network:
        for slots in SLOTS:
            here, far, trips = [], [], []
            for _ in range(REPEATS):
                here.append(simulations_a_second(measure(0.001, slots=slots)))
                url = server.new_database().replace(f":{server.port}/", f":{network.port}/")
                before = network.round_trips
                far.append(simulations_a_second(measure(0.001, slots=slots, ledger_url=url)))
                trips.append((network.round_trips - before) / TRIALS)
            ratio = median([f / h for f, h in zip(far, here, strict=True)])
            print(
                f"{slots} slots, 1 ms a simulation: {median(here):.0f} a second with SQLite here, {median(far):.0f} with "
                f"Postgres {2000 * DELAY_S:.0f} ms away ({ratio:.2f}), {median(trips):.1f} round trips a trial"
            )


if __name__ == "__main__":
    main()
