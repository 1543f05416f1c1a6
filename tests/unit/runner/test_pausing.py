"""A pause is said once, and its time is no time of the search."""

from __future__ import annotations

from modelops_runtime.runner.pausing import Pausing


def read(pausing: Pausing, paused: bool, now: float) -> str | None:
    return pausing.read(paused, run_id="line", now=now)


def test_a_pause_and_its_end_are_said_once_each() -> None:
    pausing = Pausing()
    assert read(pausing, False, 0.0) is None
    assert read(pausing, True, 1.0) == "paused; `mops resume line` goes on"
    assert read(pausing, True, 1.5) is None
    assert read(pausing, False, 3.0) == "resumed"
    assert read(pausing, False, 3.5) is None


def test_paused_time_is_counted_while_it_lasts_and_over_several_pauses() -> None:
    pausing = Pausing()
    assert pausing.seconds(5.0) == 0.0
    read(pausing, True, 10.0)
    assert pausing.seconds(14.0) == 4.0
    read(pausing, False, 20.0)
    assert pausing.seconds(30.0) == 10.0
    read(pausing, True, 40.0)
    assert pausing.seconds(41.0) == 11.0
