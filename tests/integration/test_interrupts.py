"""Ctrl-C once and twice: exit code 130, nothing left behind, and the same command goes on."""

from __future__ import annotations

import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from modelops_runtime.contracts.errors import LedgerError
from tests.support.ledgers import assert_whole, read
from tests.support.processes import simulations_of
from tests.support.projects import Project, line_project


def wait_for_trials(made: Project, process: subprocess.Popen[str], count: int) -> None:
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up and process.poll() is None:
        if made.ledger.exists():
            with suppress(LedgerError):  # the file is there before the run is
                trials, _ = read(str(made.ledger), "line")
                if sum(t.status.is_final for t in trials) >= count:
                    return
        time.sleep(0.1)
    raise AssertionError(f"no {count} trials finished: {process.communicate() if process.poll() is not None else ''}")


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_leaves_a_run_that_goes_on(times: int, tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=30, replicates=3, sleep=0.15)
    process = made.start("run", "--spec", "adaptive.yaml", "--workers", "2")
    wait_for_trials(made, process, 2)
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "goes on" in err
    assert simulations_of(made) == []
    trials, _ = read(str(made.ledger), "line")
    assert not [t for t in trials if t.status == "LEASED"], "released, not abandoned"
    again = made.mops("run", "--spec", "adaptive.yaml", "--workers", "2")
    assert again.code == 0, again.err
    assert_whole(str(made.ledger), "line", trials=30)
