"""Several processes on one ledger, and what is left when they are killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.ledger.base import Ledger
from modelops_runtime.ledger.opening import open_ledger
from modelops_runtime.ledger.worker_identity import is_dead, worker_id
from tests.support.patience import PATIENCE_S
from tests.unit.ledger.builders import RUN, a_run, an_end, seqs

ROOT = Path(__file__).parents[3]


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.unit.ledger.workers", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_n_trials_are_n_with_eight_processes_that_start_at_once(url: str):
    processes = [start("work", url, "40") for _ in range(8)]
    said = [process.communicate(timeout=PATIENCE_S) for process in processes]
    assert [process.returncode for process in processes] == [0] * 8, said
    numbers = [int(word) for out, _ in said for word in out.split()]
    assert sorted(numbers) == list(range(40))
    ledger = open_ledger(url, create=False)
    trials = ledger.trials(RUN)
    assert [t.status for t in trials] == [TrialStatus.COMPLETED] * 40
    assert [t.loss for t in trials] == [float(n) for n in range(40)]
    assert seqs(trials) == list(range(1, 81))
    assert {r.attempt for r in ledger.replicates(RUN)} == {1}
    assert len(ledger.replicates(RUN)) == 80
    ledger.close()


def test_the_trials_of_a_killed_process_are_free_at_once(url: str, ledger: Ledger):
    ledger.create_run(a_run())
    holder = start("hold", url)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "holding\n"
    assert ledger.take_over(RUN, worker_id(), lease_s=3600) is None
    with pytest.raises(LedgerError, match="being worked on"):
        ledger.rename_run(RUN, "kept")
    holder.kill()
    holder.communicate()
    first = ledger.take_over(RUN, worker_id(), lease_s=3600)
    second = ledger.take_over(RUN, worker_id(), lease_s=3600)
    assert first is not None
    assert second is not None
    assert [(lease.number, lease.lease_no, lease.params) for lease in (first, second)] == [
        (0, 2, {"beta": 1.5}),
        (1, 2, None),
    ]
    assert ledger.finish(first, an_end()).worker == worker_id()


def test_a_run_whose_only_holder_was_killed_can_be_renamed(url: str, ledger: Ledger):
    ledger.create_run(a_run())
    holder = start("hold", url)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "holding\n"
    holder.kill()
    holder.communicate()
    ledger.rename_run(RUN, "kept")
    assert len(ledger.trials("kept")) == 2


class TestWorkerId:
    def test_it_is_one_for_a_process_and_another_for_the_next(self):
        code = "from modelops_runtime.ledger.worker_identity import worker_id; print(worker_id())"
        made = [
            subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)
        ]
        ids = {worker_id(), *(done.stdout.strip() for done in made)}
        assert len(ids) == 3
        assert worker_id() in ids
        assert [is_dead(each) for each in sorted(ids)].count(True) == 2

    def test_this_process_lives(self):
        assert is_dead(worker_id()) is False

    def test_a_zombie_is_dead(self):
        code = "from modelops_runtime.ledger.worker_identity import worker_id; print(worker_id())"
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            told = process.stdout.readline().strip()
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            assert is_dead(told) is True

    def test_a_process_number_that_is_used_again_is_another_worker(self):
        host, pid, started, place = worker_id().split("/")
        assert is_dead("/".join([host, pid, str(int(started) - 1), place])) is True

    @pytest.mark.parametrize("part", [0, 3])
    def test_of_another_host_boot_or_container_nothing_is_known(self, part: int):
        parts = worker_id().split("/")
        parts[part] = "elsewhere"
        assert is_dead("/".join(parts)) is None

    @pytest.mark.parametrize("odd", ["", "w1", "a/b/c/d", "a/1/2", "/////"])
    def test_of_an_odd_name_nothing_is_known(self, odd: str):
        assert is_dead(odd) is None
