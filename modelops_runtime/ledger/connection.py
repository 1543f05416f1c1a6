"""What a database must offer to be a ledger: named queries in transactions, and a way to wait."""

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
"""How long an operation goes on trying while the database cannot be reached."""


class ConnectionLost(LedgerError, Unreachable):
    """The database went away in the middle; whether the last statement was done is not known."""


class ConstraintBroken(LedgerError):
    """A named constraint refused a row: `ConstraintBroken(name)`."""


class Connection(Protocol):
    """A ledger's connection to its database, which runs named queries. Each thread gets a session of its own.

    Raises LedgerError in one line; ConnectionLost where trying again makes sense; ConstraintBroken.
    """

    where: str
    """Which database, for messages: no password in it."""

    def rows(self, name: str, params: Params) -> Rows:
        """Run one query as a transaction. Its rows are all there, and durable, when this returns."""
        ...

    def rows_of_all(self, steps: Sequence[tuple[str, Params]]) -> list[Rows]:
        """Run several in one transaction: all of them, or none when one raises."""
        ...

    def wait(self, run_key: int, after: int, timeout_s: float) -> bool: ...

    def close(self) -> None: ...


def patiently(
    work: Callable[[bool], T],
    *,
    patience_s: float = PATIENCE_S,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """`work(again)`, tried anew (`again` is True then) while its connection is lost, with growing pauses.

    Raises the last ConnectionLost after `patience_s` seconds.
    """
    started = clock()
    attempt = 0
    while True:
        try:
            return work(attempt > 0)
        except ConnectionLost:
            # The first new attempt comes at once: a pooled or restarted server answers the second call.
            pause = 0.0 if attempt == 0 else min(0.05 * 2**attempt, 5.0) * random.uniform(0.5, 1.0)
            if clock() - started + pause > patience_s:
                raise
            sleep(pause)
            attempt += 1
