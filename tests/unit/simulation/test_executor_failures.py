"""Whatever an item does to its process, it fails alone, with a kind of its own."""

from __future__ import annotations

import pytest
from helpers import Bench, command_lines, failed_as, message_of

from modelops_runtime.contracts.failures import LOG_LIMIT, FailureKind
from modelops_runtime.simulation.pool.limits import MARKER
from modelops_runtime.simulation.pool.processes import processes_marked
from tests.support.patience import PATIENCE_S, eventually


def between(bench: Bench, *items):
    """The outcomes of items that have a healthy one before and one behind them."""
    before, *outcomes, after = bench.run(("double", 1), *items, ("double", 2))
    assert (before.value, after.value) == (2, 4)
    assert before.failure is None
    assert after.failure is None
    return outcomes


@pytest.mark.parametrize(
    ("action", "argument", "kind", "text"),
    [
        ("raise_it", "bad", FailureKind.MODEL_ERROR, "ValueError: bad"),
        ("raise_untravelled", None, FailureKind.MODEL_ERROR, "CannotTravel: 1 and 2"),
        ("cannot_be_sent", None, FailureKind.BAD_OUTPUT, "the result cannot be sent"),
        ("exit", 0, FailureKind.MODEL_ERROR, "exit code 0"),
        ("exit", 7, FailureKind.MODEL_ERROR, "exit code 7"),
        ("sys_exit", 3, FailureKind.MODEL_ERROR, "SystemExit: 3"),
        ("interrupt", None, FailureKind.MODEL_ERROR, "KeyboardInterrupt"),
        ("recurse", None, FailureKind.MODEL_ERROR, "RecursionError"),
        ("segfault", None, FailureKind.MODEL_ERROR, "SIGSEGV"),
        ("kill_self", 6, FailureKind.MODEL_ERROR, "SIGABRT"),
        ("kill_self", 9, FailureKind.LOST, "SIGKILL"),
        ("kill_self", 15, FailureKind.LOST, "SIGTERM"),
        ("close_everything", None, FailureKind.MODEL_ERROR, "closed files that are not its own"),
    ],
)
def test_a_failing_item_is_typed_and_its_group_goes_on(shared, action, argument, kind, text):
    (outcome,) = between(shared, (action, argument))
    assert failed_as(outcome) is kind
    assert text in message_of(outcome)
    assert "\n" not in message_of(outcome)
    assert outcome.value is None


def test_an_exception_brings_its_traceback_in_the_log(shared):
    outcome = shared.one("raise_it", "bad")
    assert "Traceback" in outcome.log
    assert "raise ValueError(text)" in outcome.log


def test_a_crash_leaves_what_was_printed_and_where_it_was(shared):
    outcome = shared.one("segfault")
    assert outcome.log.startswith("about to crash")
    assert "jobs.py" in outcome.log


@pytest.mark.parametrize("action", ["sleep", "deaf", "hold_the_lock", "spin"])
def test_what_overruns_its_time_is_stopped_and_siblings_are_unharmed(hasty, action):
    sibling = hasty.submit(*[("double", n) for n in range(50)])
    (outcome,) = between(hasty, (action, 1_000))
    assert failed_as(outcome) is FailureKind.TIMEOUT
    assert message_of(outcome) == "took longer than 5 s"
    assert [each.value for each in sibling.result(PATIENCE_S)] == [2 * n for n in range(50)]


def test_a_timeout_says_in_the_log_where_the_model_was(hasty):
    assert "in sleep" in hasty.one("sleep", 1_000).log


def test_the_time_limit_is_of_each_item_not_of_the_group(hasty):
    outcomes = hasty.run(*[("sleep", 1.5)] * 4)
    assert [outcome.failure for outcome in outcomes] == [None] * 4


@pytest.mark.parametrize("action", ["eat", "eat_slowly"])
def test_more_memory_than_the_limit_is_out_of_memory(small, action):
    (outcome,) = between(small, (action, 4 * 2**30))
    assert failed_as(outcome) is FailureKind.OUT_OF_MEMORY


def test_memory_of_a_simulations_children_counts(small):
    (outcome,) = between(small, ("child_eats", 400 * 2**20))
    assert failed_as(outcome) is FailureKind.OUT_OF_MEMORY
    assert "256 MiB" in message_of(outcome)


def test_one_gigabyte_allowed_and_four_asked():
    with Bench(slots=1, memory_bytes=2**30) as bench:
        (outcome,) = between(bench, ("eat", 4 * 2**30))
    assert failed_as(outcome) is FailureKind.OUT_OF_MEMORY
    assert "4.00 GiB" in message_of(outcome)


def test_a_process_that_leaks_is_replaced_and_its_item_tried_afresh(small):
    outcomes = small.run(*[("leak", 60 * 2**20)] * 20)  # more than may be reserved: found without the watch, too
    assert [outcome.failure for outcome in outcomes] == [None] * 20
    assert outcomes[-1].value < 20  # pieces kept by the last process: not all


def test_nothing_that_a_simulation_starts_outlives_it(shared):
    assert shared.one("leave_children").value == "left"
    assert eventually(lambda: not any("sleep" in line for line in command_lines(marked(shared))))


def test_what_a_killed_simulation_had_started_is_killed_too(hasty):
    code = "setsid sleep 1000 & setsid sh -c 'sleep 1000 & sleep 1000' & sleep 1000"
    assert failed_as(hasty.one("system", code)) is FailureKind.TIMEOUT
    assert eventually(lambda: not any("sleep" in line for line in command_lines(marked(hasty))))


def marked(bench: Bench) -> list[int]:
    return processes_marked(MARKER, bench.marker)


def test_a_flood_of_output_is_cut_to_its_end(shared):
    outcome = shared.one("flood", 5_000_000)
    assert outcome.value == "printed"
    assert outcome.log.endswith("the end\n")
    assert len(outcome.log.encode()) <= LOG_LIMIT


def test_a_fork_that_returns_too_gives_one_result(shared):
    assert [outcome.value for outcome in shared.run(("come_back_twice", None), ("double", 4))] == [1, 8]


def test_a_job_that_cannot_be_loaded_fails_every_item(shared):
    from jobs import Actions

    broken = shared.executor.add_job(Actions(loading=("raise_it", "no such module")))
    outcomes = shared.executor.submit(broken, [("double", 1), ("double", 2)]).result(PATIENCE_S)
    assert [message_of(outcome) for outcome in outcomes] == ["ValueError: no such module"] * 2
    assert shared.one("double", 5).value == 10


def test_a_process_that_ends_while_loading_fails_its_group_at_once(shared):
    from jobs import Actions

    broken = shared.executor.add_job(Actions(loading=("exit", 5)))
    outcomes = shared.executor.submit(broken, [("double", 1), ("double", 2)]).result(PATIENCE_S)
    assert {message_of(outcome) for outcome in outcomes} == {
        "the simulation's process ended with exit code 5 while the model was loading"
    }
    assert shared.one("double", 5).value == 10


def test_loading_has_a_time_limit_of_its_own():
    from jobs import Actions

    with Bench(timeout_s=3.0, load_timeout_s=300.0) as bench:
        slow = bench.executor.add_job(Actions(loading=("sleep", 4.0)))
        assert bench.executor.submit(slow, [("double", 1)]).result(PATIENCE_S)[0].value == 2
    with Bench(timeout_s=300.0, load_timeout_s=2.0) as bench:
        stuck = bench.executor.add_job(Actions(loading=("hold_the_lock", None)))
        (outcome,) = bench.executor.submit(stuck, [("double", 1)]).result(PATIENCE_S)
    assert failed_as(outcome) is FailureKind.TIMEOUT
    assert "loading the model" in message_of(outcome)
