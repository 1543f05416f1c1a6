"""The same ledger, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelops_runtime.ledger.base import Ledger
from modelops_runtime.ledger.opening import open_ledger


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a ledger that is not there yet."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.sqlite")
    return request.getfixturevalue("postgres").new_database()


@pytest.fixture
def opened(url: str) -> Iterator[Callable[[], Ledger]]:
    """Opens the ledger once more, as another worker would."""
    ledgers: list[Ledger] = []

    def open_again() -> Ledger:
        ledgers.append(open_ledger(url))
        return ledgers[-1]

    yield open_again
    for ledger in ledgers:
        ledger.close()


@pytest.fixture
def ledger(opened: Callable[[], Ledger]) -> Ledger:
    return opened()
