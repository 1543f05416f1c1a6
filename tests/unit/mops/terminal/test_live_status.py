"""The state of the live display: events and a clock in, rows out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelops_runtime.runner.events import Counts, Event, Notice, RunStarted, Tick, TrialFinished
from mops.terminal.live_status import (
    WINDOW_S,
    LiveStatus,
    StatusRow,
    fitted,
    initial_status,
    rows,
    seconds_left,
    simulations_per_s,
    updated_status,
)
from tests.unit.runner.records import trial

STARTED = RunStarted("flu", trials=100, finished=0, slots=4)


def counts(elapsed_s: float = 0.0, **changes: Any) -> Counts:
    plain = Counts(
        finished=0, found=0, trials=100, failed=0, stopped_early=0, best_loss=None, best_trial=None,
        simulations=0, elapsed_s=elapsed_s, slots=4, busy=4,
    )  # fmt: skip
    return replace(plain, **changes)


def after(*events: Event, started: RunStarted = STARTED) -> LiveStatus:
    """Each event at its own elapsed time, on a clock that began at 1000."""
    status = initial_status(started, 1000.0)
    for event in events:
        elapsed_s = event.counts.elapsed_s if isinstance(event, Tick | TrialFinished) else 0.0
        status = updated_status(status, event, 1000.0 + elapsed_s)
    return status


def shown(status: LiveStatus, **how: Any) -> dict[str, StatusRow]:
    return {row.label: row for row in rows(status, how.pop("now", status.at), **how)}


def steady(seconds: int, a_second: int = 2, replicates: int = 10) -> list[Event]:
    """A run that finishes so many trials a second."""
    return [
        Tick(counts(float(s), finished=a_second * s, simulations=replicates * a_second * s))
        for s in range(1, seconds + 1)
    ]


def test_before_anything_has_happened_it_shows_the_budget() -> None:
    found = shown(after())
    assert found["flu"] == StatusRow("flu", ("searching", "0 s so far"), tone="strong")
    assert found["search"] == StatusRow("search", ("0/100 trials",), share=0.0)
    assert found["best"].parts == ("no trial has completed yet",)
    assert found["speed"].parts == ("0 simulations a second",)
    assert not {"confirm", "raced", "failed"} & set(found)


def test_trials_best_and_slots_are_those_of_the_last_counts() -> None:
    best = {"best_loss": 57.214, "best_trial": 8, "best_params": {"beta": 1.7, "scenario": "closed"}}
    found = shown(after(Tick(counts(5.0, finished=25, simulations=200, busy=3, **best))))
    assert found["search"].parts[0] == "25/100 trials"
    assert found["search"].share == 0.25
    assert found["best"].parts == ("loss 57.21 in the search", "trial 8", "beta 1.7", "scenario closed")
    assert found["speed"].parts == ("40 simulations a second", "3 of 4 slots busy")


def test_busy_slots_are_those_of_the_last_tick_since_a_finished_trial_is_told_before_its_slot_is_filled() -> None:
    status = after(Tick(counts(1.0, busy=4)), TrialFinished(trial(0), counts(1.2, finished=1, busy=0)))
    assert "4 of 4 slots busy" in shown(status)["speed"].parts


def test_paces_are_those_of_the_window_not_of_the_whole_run() -> None:
    slow = steady(60, a_second=1)
    faster = [Tick(counts(60.0 + s, finished=60 + 2 * s, trials=1000, simulations=600 + 500 * s)) for s in range(1, 31)]
    status = after(*slow, *faster, started=replace_trials(1000))
    assert simulations_per_s(status) == pytest.approx(500)
    assert seconds_left(status, status.at) == pytest.approx((1000 - 120) / 2)


def replace_trials(trials: int) -> RunStarted:
    return RunStarted("flu", trials=trials, finished=0, slots=4)


def test_time_left_falls_with_the_clock_between_events() -> None:
    status = after(*steady(10))
    assert seconds_left(status, status.at) == pytest.approx(40)
    assert seconds_left(status, status.at + 3) == pytest.approx(37)
    assert seconds_left(status, status.at + 300) == 0
    assert shown(status, now=status.at + 3)["flu"].parts == ("searching", "37 s left", "13 s so far")


def test_trials_that_take_longer_than_the_window_have_a_time_left_too() -> None:
    ticks = [Tick(counts(float(s), finished=s // 300, trials=10)) for s in range(1, 900)]
    status = after(*ticks, started=replace_trials(10))
    assert seconds_left(status, status.at) == pytest.approx(8 * 899 / 2)


def test_trials_found_in_the_ledger_are_no_pace() -> None:
    resumed = RunStarted("flu", trials=100, finished=90, slots=4)
    assert seconds_left(after(Tick(counts(5.0, found=90, finished=90)), started=resumed), 1005.0) is None
    status = after(Tick(counts(5.0, found=90, finished=91)), started=resumed)
    assert seconds_left(status, status.at) == pytest.approx(9 * 5)
    assert shown(after(started=resumed))["search"].share == 0.9


def test_a_pause_is_shown_and_its_time_does_not_run() -> None:
    status = after(*steady(10), Tick(counts(10.0, finished=20, paused=True, busy=0)))
    found = shown(status, now=status.at + 500)
    assert found["flu"] == StatusRow("flu", ("paused; `mops resume flu` goes on", "10 s so far"), tone="wait")
    assert found["search"].parts == ("20/100 trials",)


def test_a_stop_comes_before_a_pause() -> None:
    status = after(Tick(counts(1.0, paused=True)))
    assert shown(status, stopping=True)["flu"].parts[:2] == ("stopping", "Ctrl-C again stops now")


def test_the_confirmation_has_its_own_bar_and_time() -> None:
    over = {"finished": 100, "confirming": True, "finalists": 10}
    status = after(*steady(50), Tick(counts(50.0, **over)), Tick(counts(54.0, **over, confirmed=4)))
    found = shown(status)
    assert list(found) == ["flu", "search", "confirm", "best", "speed"]
    assert found["flu"].parts == ("confirming the best on fresh seeds", "6 s left", "54 s so far")
    assert found["search"].parts == ("100/100 trials",)
    assert found["confirm"] == StatusRow("confirm", ("4/10 sets",), share=0.4)
    done = updated_status(status, Tick(counts(60.0, **over, confirmed=10)), 1060.0)
    assert shown(done)["flu"].parts[0] == "writing the report"
    assert shown(done)["confirm"].parts == ("10/10 sets",)


def test_failures_and_early_stops_are_counted_with_the_last_reason() -> None:
    failed = trial(3, loss=None, error="no\x1b[2J\nmore")
    told = counts(1.0, finished=20, failed=3, stopped_early=5)
    status = after(TrialFinished(failed, told), Tick(replace(told, elapsed_s=2.0)))
    assert shown(status)["failed"] == StatusRow("failed", ("3 of 20 trials (15%)",), tone="bad")
    assert shown(status)["error"] == StatusRow("error", (r"MODEL_ERROR: no\x1b[2J more",), tone="bad")
    assert shown(status)["raced"].parts == ("5 trials stopped early",)


def test_as_it_is_left_it_says_what_was_done_and_nothing_that_goes_on() -> None:
    found = shown(after(*steady(50)), now=2000.0, ended=True)
    assert found["flu"].parts == ("50 s",)
    assert found["search"].parts == ("100/100 trials",)
    assert found["speed"].parts == ("1,000 simulations", "20 a second")


def test_a_notice_changes_nothing_and_memory_does_not_grow() -> None:
    status = after(*steady(1000, a_second=0))
    assert len(status.samples) <= WINDOW_S + 2
    assert updated_status(status, Notice("paused"), 5000.0) is status


@given(st.lists(st.text(st.characters(codec="ascii"), min_size=1), max_size=5), st.integers(0, 60))
def test_what_is_fitted_is_never_wider_than_asked(parts: list[str], width: int) -> None:
    text = fitted(parts, width)
    assert len(text) <= width
    if len(", ".join(parts)) <= width:
        assert text == ", ".join(parts)


def test_parts_are_left_out_from_the_end_and_the_first_is_cut() -> None:
    parts = ("loss 57.21", "beta 1.7", "gamma 0.4")
    assert fitted(parts, 30) == "loss 57.21, beta 1.7"[:30]
    assert fitted(parts, 31) == "loss 57.21, beta 1.7, gamma 0.4"
    assert fitted(parts, 12) == "loss 57.21"
    assert fitted(parts, 9) == "loss 5..."
    assert fitted(parts, 0) == ""
