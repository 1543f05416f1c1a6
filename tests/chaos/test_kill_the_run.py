"""`kill -9` of a run at random moments: whoever starts it again gets the same answer, and nothing is left over."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.ledgers import answer_of, assert_whole
from tests.support.patience import eventually
from tests.support.processes import simulations_of
from tests.support.projects import Project, line_project
from tests.support.sizes import size

KILLS = size(6, full=20)
TRIALS = size(60, full=150)
SPEC = {"trials": TRIALS, "replicates": 5, "sleep": 0.02}


@pytest.fixture(params=["sqlite", "postgres"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "ledger.sqlite")
    return request.getfixturevalue("postgres_url")


def kill_while_it_starts(made: Project, url: str, after_s: float) -> int:
    """Start the run, kill -9 it after a while; returns its exit code."""
    process = start(made, url)
    time.sleep(after_s)
    return killed(process)


def kill_in_the_search(made: Project, url: str, *, after_trials: int, after_s: float) -> int:
    """Start the run, kill -9 it a while after it told of so many trials, however fast it is; returns its exit code."""
    process = start(made, url)
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    seen = 0
    while seen < after_trials:
        seen += json.loads(next(lines))["event"] == "trial"
    time.sleep(after_s)
    return killed(process)


def start(made: Project, url: str) -> subprocess.Popen[str]:
    return made.start("run", "--spec", "adaptive.yaml", "--ledger", url, "--workers", "1", "--json")


def killed(process: subprocess.Popen[str]) -> int:
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    return process.returncode


@pytest.mark.chaos
def test_a_run_killed_many_times_ends_as_if_undisturbed(ledger_url: str, tmp_path: Path) -> None:
    made = line_project(tmp_path / "killed", **SPEC)
    moments = random.Random(20)
    for kill in range(KILLS):
        if kill % 4 == 0:
            code = kill_while_it_starts(made, ledger_url, moments.uniform(0.1, 0.8))
        else:
            code = kill_in_the_search(
                made, ledger_url, after_trials=moments.randint(1, 3), after_s=moments.uniform(0.0, 0.1)
            )
        assert code == -signal.SIGKILL, "the run ended before it was killed"
    last = made.shipped("run", "--spec", "adaptive.yaml", "--ledger", ledger_url, "--workers", "1", "--quiet")
    assert last.code == 0, last.err
    assert_whole(ledger_url, "line", trials=TRIALS)

    calm = line_project(tmp_path / "calm", **SPEC)
    assert calm.mops("run", "--spec", "adaptive.yaml", "--workers", "1", "--quiet").code == 0
    assert answer_of(ledger_url, "line") == answer_of(str(calm.ledger), "line")
    wait_for_no_simulations(made)


def wait_for_no_simulations(made: Project) -> None:
    """The kernel takes a moment to tell the processes that theirs is gone."""
    assert eventually(lambda: simulations_of(made) == [], every_s=0.05), simulations_of(made)
