"""A runner that is suspended for longer than its lease, and continued, records nothing twice; its children run on."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from modelops_runtime.ledger.base import Trial
from modelops_runtime.ledger.opening import open_ledger
from tests.support.holding import Hold, held
from tests.support.ledgers import answer_of, assert_whole, read
from tests.support.patience import PATIENCE_S, eventually
from tests.support.pods import log_lines, start_runner
from tests.support.projects import Project, line_project

TRIALS, REPLICATES = 12, 4
SAME_SETS = "  algorithm: sobol\n  racing: false"
"""So that trial k is the same set whoever asks for it, and when."""


@pytest.fixture(params=["mops run on SQLite", "pods on Postgres"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Callable[[Project], subprocess.Popen[str]], str]:
    """How a worker of the project is started, and on which ledger."""
    if request.param == "pods on Postgres":
        url = request.getfixturevalue("postgres_url")
        return lambda made: start_runner(made, "--ledger", url, "--workers", "2"), url
    url = str(tmp_path / "ledger.sqlite")
    words = ("run", "--spec", "adaptive.yaml", "--ledger", url, "--workers", "2", "--json")
    return lambda made: made.start(*words), url


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[object, ...]]:
    """The answer of the same run when nobody meddles with it."""
    made = line_project(
        tmp_path_factory.mktemp("alone") / "line", trials=TRIALS, replicates=REPLICATES, extra=SAME_SETS
    )
    assert made.mops("run", "--spec", "adaptive.yaml", "--workers", "1").code == 0
    return answer_of(str(made.ledger), "line")


@pytest.fixture
def processes() -> list[subprocess.Popen[str]]:
    return []


@pytest.fixture(autouse=True)
def _end_all(processes: list[subprocess.Popen[str]]):
    yield
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.mark.parametrize("continued", ["while the other one simulates the same", "when the run is over"])
def test_a_suspended_runner_records_nothing_twice(
    continued: str, start, processes, undisturbed: list[tuple[object, ...]], tmp_path: Path
) -> None:
    run, url = start
    made = line_project(tmp_path / "line", trials=TRIALS, replicates=REPLICATES, extra=SAME_SETS)
    hold = held(made, after=25)

    first = run(made)
    processes.append(first)
    suspended = suspended_in_mid_run(first, url, hold)
    hold.after(hold.simulations)  # what it had started ends, and nobody takes its results

    second = run(made)
    processes.append(second)
    assert eventually(lambda: gone_over(suspended, url)), f"nobody took over {suspended}"
    if continued == "while the other one simulates the same":
        os.kill(first.pid, signal.SIGCONT)
        hold.lift()
        ended = [ended_of(first), ended_of(second)]
    else:
        hold.lift()
        other = ended_of(second)
        os.kill(first.pid, signal.SIGCONT)
        ended = [ended_of(first), other]

    assert [code for code, _ in ended] == [0, 0], ended
    assert ended[0][1] == ended[1][1], "both report the same answer"
    assert_whole(url, "line", trials=TRIALS)
    assert {(r.number, r.index): r.attempt for r in replicates(url) if r.attempt > 1} == {}
    counts = [trial.replicates for trial in read(url, "line")[0] if trial.phase == "search"]
    assert counts == [REPLICATES] * TRIALS
    assert answer_of(url, "line") == undisturbed


def suspended_in_mid_run(process: subprocess.Popen[str], url: str, hold: Hold) -> list[Trial]:
    """Stop the runner alone, not its children, while it holds trials that were begun; let its leases run out."""
    hold.wait_until_reached(waiting=2)
    assert eventually(lambda: completed(url) and leased(url)), "the run has trials that are done, and some under way"
    with ExitStack() as writing:
        if not url.startswith("postgresql"):  # not in the middle of a write, which would lock the others out
            lock = writing.enter_context(closing(sqlite3.connect(url, timeout=PATIENCE_S, isolation_level=None)))
            lock.execute("BEGIN IMMEDIATE")
        os.kill(process.pid, signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)  # it has stopped
    held_now = leased(url)
    assert held_now
    ledger = open_ledger(url, create=False)
    try:
        for worker in {trial.worker for trial in held_now}:
            assert worker is not None
            ledger.renew("line", worker, lease_s=-1.0)
        if url.startswith("postgresql"):
            # Nothing is taken over within one lease of the server's start, which was a moment ago; so a third worker, of
            # shorter leases, takes them over and hands them back.
            taken = [eventually(lambda: ledger.take_over("line", "third", lease_s=0.1)) for _ in held_now]
            assert all(taken)
            ledger.release("line", "third")
    finally:
        ledger.close()
    return [trial for trial in held_now if trial.params is not None]


def leased(url: str) -> list[Trial]:
    return [trial for trial in read(url, "line")[0] if trial.status == "LEASED"]


def completed(url: str) -> int:
    return sum(trial.status == "COMPLETED" for trial in read(url, "line")[0])


def gone_over(suspended: list[Trial], url: str) -> bool:
    """Whether a worker that goes on with it has one of these trials."""
    now = {(trial.phase, trial.number): trial for trial in read(url, "line")[0]}
    found = [now[trial.phase, trial.number] for trial in suspended]
    return any(b.worker not in (None, a.worker) for a, b in zip(suspended, found, strict=True))


def replicates(url: str):
    ledger = open_ledger(url, create=False)
    try:
        return ledger.replicates("line")
    finally:
        ledger.close()


def ended_of(process: subprocess.Popen[str]) -> tuple[int, object]:
    """Exit code, and the answer that it reported."""
    out, err = process.communicate(timeout=PATIENCE_S)
    summaries = [line["summary"] for line in log_lines(out) if line.get("event") == "run_ended"]
    answers = [{k: v for k, v in summary.items() if k != "elapsed_s"} for summary in summaries]
    return process.returncode, answers[0] if answers and process.returncode == 0 else (out, err)
