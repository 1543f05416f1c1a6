"""Ctrl-C once and twice: exit code 130, nothing left behind, and the same command goes on."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from mops.terminal.progress import STOPPING
from tests.support.holding import held
from tests.support.ledgers import assert_whole, read, wait_for_trials
from tests.support.patience import PATIENCE_S
from tests.support.processes import simulations_of
from tests.support.projects import line_project


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_leaves_a_run_that_goes_on(times: int, tmp_path: Path) -> None:
    made = line_project(tmp_path / "line", trials=30, replicates=3)
    hold = held(made, after=20)
    process = made.start("run", "--spec", "adaptive.yaml", "--workers", "2")
    wait_for_trials(str(made.ledger), "line", process, 2)
    hold.wait_until_reached()
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while STOPPING not in process.stderr.readline():
        assert process.poll() is None
    if times == 1:
        hold.lift()
    else:
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, err
    assert "goes on" in err
    assert simulations_of(made) == []
    trials, _ = read(str(made.ledger), "line")
    assert not [t for t in trials if t.status == "LEASED"], "released, not abandoned"
    if times == 2:
        hold.lift()
    again = made.mops("run", "--spec", "adaptive.yaml", "--workers", "2")
    assert again.code == 0, again.err
    assert_whole(str(made.ledger), "line", trials=30)
