"""Cancelling, closing, and being killed from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import CancelledError, as_completed
from pathlib import Path

import pytest
from helpers import Bench, command_lines, failed_as, message_of

from modelops_runtime.contracts.errors import ModelOpsError
from modelops_runtime.contracts.failures import FailureKind
from modelops_runtime.simulation.pool.limits import MARKER, Limits
from modelops_runtime.simulation.pool.processes import processes_marked
from tests.support.patience import PATIENCE_S, eventually


def test_cancelling_stops_what_runs_and_leaves_others_alone():
    with Bench(slots=1, timeout_s=1_000) as bench:
        bench.one("double", 1)
        running, waiting = bench.submit(("sleep", 10_000)), bench.submit(("double", 2))
        assert eventually(running.running)
        assert running.cancel()
        assert waiting.result(PATIENCE_S)[0].value == 4
        with pytest.raises(CancelledError):
            running.result()


def test_cancelling_what_waits_keeps_it_from_running(tmp_path):
    with Bench(slots=1) as bench:
        busy = bench.submit(("wait_for", f"{tmp_path}/go"))
        waiting = bench.submit(("system", f"touch {tmp_path}/ran"))
        assert waiting.cancel()
        (tmp_path / "go").touch()
        busy.result(PATIENCE_S)
        bench.one("double", 1)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("measured", [False, True])
def test_the_rest_of_a_cancelled_group_is_left_out(measured, tmp_path):
    """Where items are known to be short, the one that runs is let run out."""
    with Bench(slots=1) as bench:
        if measured:
            bench.run(*[("double", 1)] * 10)
        group = bench.submit(("wait_for", f"{tmp_path}/go"), ("system", f"touch {tmp_path}/ran"))
        assert eventually(group.running)
        group.cancel()
        (tmp_path / "go").touch()
        assert bench.one("double", 1).value == 2
    assert not (tmp_path / "ran").exists()


def test_cancelled_futures_count_as_completed():
    with Bench(slots=1, timeout_s=1_000) as bench:
        futures = [bench.submit(("sleep", 10_000)), bench.submit(("double", 1))]
        assert futures[0].cancel()
        assert set(as_completed(futures, timeout=PATIENCE_S)) == set(futures)


def test_closing_waits_for_what_was_submitted():
    with Bench(slots=2) as bench:
        futures = [bench.submit(("sleep", 0.05)) for _ in range(6)]
    assert all(future.result(0)[0].value == "slept" for future in futures)


def test_closing_at_once_leaves_no_process_and_no_open_future():
    bench = Bench(slots=2, timeout_s=1_000)
    bench.one("leave_children")
    futures = [bench.submit(("system", "setsid sleep 1000 & sleep 1000")) for _ in range(4)]
    assert eventually(futures[0].running)
    bench.executor.close(now=True)
    assert all(future.cancelled() for future in futures)
    assert processes_marked(MARKER, bench.marker) == []


def test_a_closed_executor_says_so():
    bench = Bench()
    bench.executor.close()
    bench.executor.close()
    with pytest.raises(ModelOpsError, match="closed"):
        bench.submit(("double", 1))


def test_a_killed_fork_server_loses_what_ran_and_is_replaced():
    with Bench(slots=2, timeout_s=1_000) as bench:
        bench.one("double", 1)
        futures = [bench.submit(("system", "sleep 1000")), bench.submit(("sleep", 10_000))]
        assert all(eventually(future.running) for future in futures)
        marker = bench.marker
        os.kill(bench.fork_server_pid, signal.SIGKILL)
        outcomes = [future.result(PATIENCE_S)[0] for future in futures]
        assert [failed_as(outcome) for outcome in outcomes] == [FailureKind.LOST] * 2
        assert "watches" in message_of(outcomes[0])
        assert processes_marked(MARKER, marker) == []
        assert [outcome.value for outcome in bench.run(*[("double", n) for n in range(10)])] == list(range(0, 20, 2))


def test_a_process_killed_from_outside_is_lost_and_replaced():
    with Bench(slots=1, timeout_s=1_000) as bench:
        pid = bench.one("pid").value
        future = bench.submit(("sleep", 10_000), ("double", 3))
        assert eventually(future.running)
        os.kill(pid, signal.SIGKILL)
        lost, after = future.result(PATIENCE_S)
    assert failed_as(lost) is FailureKind.LOST
    assert after.value == 6


PARENT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from helpers import Bench
bench = Bench(slots=2, timeout_s=1_000)
bench.one("double", 1)
futures = [bench.submit(("system", "setsid sleep 1000 & sleep 1000")) for _ in range(2)]
while not all(future.running() for future in futures):
    pass
print(bench.marker, flush=True)
sys.stdin.read()
"""


def sleepers(marker: str) -> int:
    return sum(line.startswith("sleep") for line in command_lines(processes_marked(MARKER, marker)))


@pytest.mark.chaos
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_parent_leaves_no_orphan(number):
    code = [sys.executable, "-c", PARENT, str(Path(__file__).parent)]
    with subprocess.Popen(code, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        marker = parent.stdout.readline().strip()
        assert eventually(lambda: sleepers(marker) == 4)
        parent.send_signal(number)
        parent.wait(PATIENCE_S)
    assert eventually(lambda: processes_marked(MARKER, marker) == [])


def test_several_executors_live_side_by_side():
    with Bench(slots=1) as first, Bench(slots=1) as second:
        ends = [bench.submit(("exit", 3), ("double", 1)) for bench in (first, second)]
        assert [future.result(PATIENCE_S)[1].value for future in ends] == [2, 2]


def test_idle_slots_take_over_what_waits_behind_a_slow_one():
    with Bench(slots=2, timeout_s=1_000) as bench:
        bench.run(*[("double", 1)] * 10)
        slow = bench.submit(("sleep", 10_000))
        quick = [bench.submit(("double", n)) for n in range(20)]
        assert [future.result(PATIENCE_S)[0].value for future in quick] == list(range(0, 40, 2))
        assert not slow.done()
        slow.cancel()


def test_limits_refuse_nonsense():
    for wrong in ({"timeout_s": 0.0}, {"timeout_s": 1.0, "threads": 0}, {"timeout_s": 1.0, "memory_bytes": 0}):
        with pytest.raises(ValueError, match=r"above 0|1 or more"):
            Limits(**wrong)
