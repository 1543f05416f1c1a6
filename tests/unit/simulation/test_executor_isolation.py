"""A simulation finds the same surroundings whatever ran before it."""

from __future__ import annotations

import os

from helpers import Bench

from tests.support.patience import PATIENCE_S


def test_a_value_comes_back(shared):
    assert shared.one("double", 21).value == 42


def test_large_values_and_items_travel(shared):
    assert len(shared.one("bytes", 5_000_000).value) == 5_000_000
    assert shared.one("double", b"x" * 3_000_000).value == b"x" * 6_000_000


def test_outcomes_keep_the_order_of_items(shared):
    futures = [shared.submit(*[("double", 10 * task + n) for n in range(10)]) for task in range(30)]
    values = [outcome.value for future in futures for outcome in future.result(PATIENCE_S)]
    assert values == [2 * n for n in range(300)]


def test_an_empty_group_has_no_outcomes(shared):
    assert shared.run() == []


def test_what_is_printed_belongs_to_its_item(shared):
    first, second, third, fourth = shared.run(
        ("print", "one"), ("print_err", "two"), ("double", 1), ("system", "echo three")
    )
    assert [outcome.log for outcome in (first, second, third, fourth)] == ["one\n", "two\n", "", "three\n"]


def test_closing_the_streams_does_not_reach_the_next(shared):
    closed, after = shared.run(("close_stdout", None), ("print", "heard"))
    assert closed.log == "before\n"
    assert after.log == "heard\n"


def test_another_folder_is_left_again(shared, tmp_path):
    first, second = shared.run(("move_away", str(tmp_path)), ("move_away", str(tmp_path)))
    assert first.value == second.value != str(tmp_path)


def test_an_alarm_does_not_ring_in_the_next(shared):
    outcomes = shared.run(("set_alarm", None), ("sleep", 1.5))
    assert [outcome.failure for outcome in outcomes] == [None, None]


def test_there_is_no_input_to_wait_for(shared):
    assert shared.one("stdin").value == ""


def test_many_threads_left_behind_wear_a_process_out(shared):
    outcomes = shared.run(*[("keep_a_thread", None)] * 80, ("double", 1))
    assert all(outcome.failure is None for outcome in outcomes)


def test_a_process_is_warm_and_used_again():
    with Bench(slots=1) as bench:
        pids = {outcome.value for outcome in bench.run(*[("pid", None)] * 20)}
    assert len(pids) == 1
    assert os.getpid() not in pids


def test_a_process_is_recycled_after_its_number_of_runs():
    with Bench(slots=1, recycle_after=3) as bench:
        pids = [outcome.value for outcome in bench.run(*[("pid", None)] * 7)]
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 1]


def test_threads_and_environment_are_those_of_the_limits():
    with Bench(slots=1, threads=3, env={"MY_FLAG": "1", "OMP_NUM_THREADS": "2"}) as bench:
        names = ["MKL_NUM_THREADS", "MY_FLAG", "OMP_NUM_THREADS", "PYTHONHASHSEED"]
        values = [outcome.value for outcome in bench.run(*[("environ", name) for name in names])]
    assert values == ["3", "1", "2", "0"]
