"""Fixtures that several folders share."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.needs import left_out, need_postgres
from tests.support.postgres import PostgresServer, postgres_server

pytest_plugins = ["tests.support.first_lines"]

# A busy machine is no mistake of what is tested.
settings.register_profile("at any speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("at any speed")

# Who starts the tests in the background has a shell that lets them ignore Ctrl-C, and what they start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

LONGEST = [
    "cluster/test_kill_list.py",
    "cluster/test_command_line.py",
    "cluster/test_stops_and_mistakes.py",
    "cluster/test_lifecycle.py",
    "cluster/test_rights.py",
    "cluster/test_idle.py",
    "cluster/test_policies.py",
    "chaos/test_kill_the_run.py",
    "azure/test_crash.py",
    "integration/test_help.py",
    "integration/test_queue_and_pause.py",
    "azure/test_faults.py",
    "integration/test_run.py",
    "unit/simulation/test_dask.py",
    "azure/test_parts.py",
    "azure/test_delete.py",
    "integration/test_looking_back.py",
    "integration/test_pod_observability.py",
    "integration/test_live_display.py",
    "browser/test_real_runs.py",
    "integration/test_boarding_school.py",
]
"""Begun first, since several files are at work side by side: the last of them decides when all is over."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    place = {here / name: at for at, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(LONGEST)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in left_out(terminalreporter.stats.get("skipped", [])):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real server, for the whole session."""
    need_postgres()
    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    """An empty database."""
    return postgres.new_database()
