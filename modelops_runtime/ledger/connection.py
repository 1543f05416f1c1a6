"""What a ledger needs of a database: named queries in transactions, and a way to wait for changes."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from modelops_runtime.contracts.errors import LedgerError, Unreachable
from modelops_runtime.ledger.cells import Rows

Params = Mapping[str, Any]
T = TypeVar("T")

PATIENCE_S = 300.0
"""Seconds for which an operation is repeated while the database cannot be reached."""


class ConnectionLost(LedgerError, Unreachable):
    """The connection broke. Whether the last statement was executed is unknown."""


class ConstraintBroken(LedgerError):
    """A row violates a named constraint: `ConstraintBroken(name)`."""


class Connection(Protocol):
    """A ledger's connection to its database, which runs named queries. Each thread gets a session of its own.

    Raises LedgerError with a message of one line: ConnectionLost if a repetition may succeed, ConstraintBroken, or another.
    """

    where: str
    """The database's address for messages, without a password."""

    def rows(self, name: str, params: Params) -> Rows:
        """Run one query as a transaction, which is durable when this returns. Returns its rows."""
        ...

    def rows_of_all(self, steps: Sequence[tuple[str, Params]]) -> list[Rows]:
        """Run several queries in one transaction, which is rolled back if one raises. Returns the rows of each."""
        ...

    def wait(self, run_key: int, after: int, timeout_s: float) -> bool:
        """Wait up to `timeout_s` until the run's `seq` is above `after`; returns whether it is."""
        ...

    def close(self) -> None: ...


def patiently(
    work: Callable[[bool], T],
    *,
    patience_s: float = PATIENCE_S,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """What `work(False)` returns. If the connection breaks, `work(True)` is called, with growing pauses, until it returns.

    Raises the last ConnectionLost after `patience_s` seconds.
    """
    started = clock()
    attempt = 0
    while True:
        try:
            return work(attempt > 0)
        except ConnectionLost:
            # The first repetition comes at once: after a restart of the server or its pool it usually succeeds.
            pause = 0.0 if attempt == 0 else min(0.05 * 2**attempt, 5.0) * random.uniform(0.5, 1.0)
            if clock() - started + pause > patience_s:
                raise
            sleep(pause)
            attempt += 1
