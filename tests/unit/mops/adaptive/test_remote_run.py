"""A run elsewhere as events: each end is told once, and the counts are the ledger's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.ledger.base import Run, Trial
from modelops_runtime.runner.events import Event, Tick, TrialFinished
from mops.adaptive.remote_run import RemoteRun
from tests.unit.runner.records import trial

RUN = Run(run_id="flu", identity="", identity_parts={}, spec={}, trials=10, replicates=2)


def watched(*before: Trial) -> RemoteRun:
    remote = RemoteRun(run=RUN, slots=3)
    started = remote.begin(before)
    assert started.finished == sum(one.status.is_final and one.phase == "search" for one in before)
    return remote


def ended(number: int, loss: float | None = 1.0, **more: Any) -> Trial:
    status = TrialStatus.COMPLETED if loss is not None else TrialStatus.FAILED
    return replace(trial(number, loss=loss, status=status), finished_seq=100 + number, replicates=2, **more)


def test_what_was_there_is_found_and_what_ends_is_told() -> None:
    remote = watched(ended(0, 5.0))
    under_way = replace(ended(1), status=TrialStatus.LEASED, loss=None, finished_seq=None, proposed_seq=7)
    (tick,) = remote.update([under_way], RUN, 1.0)
    assert isinstance(tick, Tick)
    assert (tick.counts.finished, tick.counts.found, tick.counts.busy, tick.counts.simulations) == (1, 1, 1, 0)
    (told,) = remote.update([ended(1, 3.0)], RUN, 2.0)
    assert isinstance(told, TrialFinished)
    assert (told.counts.finished, told.counts.simulations, told.counts.best_loss) == (2, 2, 3.0)
    (again,) = remote.update([ended(1, 3.0)], RUN, 3.0)
    assert isinstance(again, Tick), "an end is told once"


def test_the_best_is_never_one_that_was_stopped_early_or_failed_or_confirms() -> None:
    remote = watched(ended(0, 5.0))
    others = [ended(1, 1.0, stopped_early=True), ended(2, None), replace(ended(0, 0.5), phase="confirm")]
    counts = [event.counts for event in remote.update(others, RUN, 1.0) if isinstance(event, TrialFinished)][-1]
    assert (counts.best_trial, counts.best_loss) == (0, 5.0)
    assert (counts.failed, counts.stopped_early, counts.confirming, counts.confirmed) == (1, 1, True, 1)


@given(st.lists(st.integers(0, 9)), st.data())
def test_however_changes_come_each_end_is_told_once(numbers: list[int], data: st.DataObject) -> None:
    remote, events = watched(), list[Event]()
    rest = numbers
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        events += remote.update([ended(number, float(number)) for number in rest[:size]], RUN, 1.0)
        rest = rest[size:]
    told = [event.trial.number for event in events if isinstance(event, TrialFinished)]
    assert sorted(told) == sorted(set(numbers))
    assert remote.counts(1.0).finished == len(set(numbers))
    assert remote.seq == (max(numbers) + 100 if numbers else 0)
