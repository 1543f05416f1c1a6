"""Ctrl-C once and twice: exit code 130, nothing left behind, and the same command goes on."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.support.ledgers import assert_whole, read, wait_for_trials
from tests.support.processes import simulations_of
from tests.support.projects import line_project


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_leaves_a_run_that_goes_on(times: int, tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=30, replicates=3, sleep=0.15)
    process = made.start("run", "--spec", "adaptive.yaml", "--workers", "2")
    wait_for_trials(str(made.ledger), "line", process, 2)
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
