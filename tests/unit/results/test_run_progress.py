from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.inference.ranking import best_raw, candidates, finalists
from modelops_runtime.ledger.base import RunState
from modelops_runtime.ledger.opening import open_ledger
from modelops_runtime.results.run_progress import progress_of, read_progress
from mops.terminal.text import duration, number, status_lines
from tests.unit.inference.runs import BEGAN, FRESH, IN_BED, Planned, Story, a_run, boarding_school, completed, failed

LATER = BEGAN + timedelta(minutes=3)


def summary(story: Story):
    return progress_of(story.run, story.rows()[0], LATER)


def raw_and_confirmed() -> Story:
    """Trial 0 is better in the search, trial 1 on fresh seeds; trial 2 was stopped early with the least estimate."""
    trials = (
        completed(0, {"beta": 1.0}, [IN_BED], 10.0),
        completed(1, {"beta": 2.0}, [IN_BED], 12.0),
        completed(2, {"beta": 3.0}, [IN_BED], 1.0, stopped_early=True),
        completed(3, {"beta": 4.0}, [IN_BED], 11.0),
    )
    confirms = {
        0: completed(0, {"beta": 1.0}, [IN_BED] * 4, 30.0, first=FRESH),
        1: completed(1, {"beta": 2.0}, [IN_BED] * 4, 20.0, first=FRESH),
    }
    return Story(run=a_run(trials=4), trials=trials, confirms=confirms)


def test_the_best_is_the_lowest_confirmed_loss_and_the_raw_best_is_kept_beside_it():
    found = summary(raw_and_confirmed())
    assert found.best is not None
    assert (found.best.trial, found.best.confirmed_loss, found.best.loss) == (1, 20.0, 12.0)
    assert found.best.confirmed_replicates == 4
    assert found.best_raw is not None
    assert found.best_raw.trial == 0


def test_a_set_that_was_stopped_early_is_never_the_best():
    trials = (completed(0, {"beta": 1.0}, [IN_BED], 1.0, stopped_early=True),)
    assert summary(Story(run=a_run(), trials=trials)).best is None


def test_confirmed_candidates_come_before_unconfirmed_ones():
    trials, _ = raw_and_confirmed().rows()
    assert [c.search.number for c in candidates(trials)] == [1, 0, 3]
    assert [c.search.number for c in finalists(trials)] == [1, 0]
    best = best_raw(candidates(trials))
    assert best is not None
    assert best.search.number == 0


def test_without_confirmation_the_best_is_the_lowest_loss_of_the_search():
    story = replace(raw_and_confirmed(), confirms={})
    found = summary(story).best
    assert found is not None
    assert (found.trial, found.confirmed_loss) == (0, None)


def test_trials_are_counted_by_status():
    found = summary(boarding_school(40))
    assert found.by_status == {"COMPLETED": 38, "FAILED": 2}
    assert found.confirm_by_status == {"COMPLETED": 3}
    assert found.finished == 40


def test_failures_are_told_by_kind_with_the_commonest_error():
    trials = (
        failed(0, {"beta": 1.0}, error="rare"),
        failed(1, {"beta": 1.1}, error="common"),
        failed(2, {"beta": 1.2}, error="common"),
        failed(3, {"beta": 1.3}, kind="TIMEOUT", error="over 30 s"),
    )
    found = summary(Story(run=a_run(), trials=trials))
    assert [(f.kind, f.count, f.commonest, f.commonest_count) for f in found.failures] == [
        ("MODEL_ERROR", 3, "common", 2),
        ("TIMEOUT", 1, "over 30 s", 1),
    ]
    assert found.last_errors[0].trial == 3


def test_a_worker_is_shown_with_its_leases_and_those_overdue():
    trials = (Planned(params={"beta": 1.0}, end=None), Planned(params={"beta": 1.1}, end=None))
    rows, _ = Story(run=a_run(), trials=trials).rows()
    (worker,) = progress_of(a_run(), rows, BEGAN + timedelta(seconds=120.5)).workers
    assert (worker.leases, worker.overdue) == (2, 1)
    assert worker.first_deadline == BEGAN + timedelta(seconds=120)


def test_as_json_is_strict_json():
    story = raw_and_confirmed()
    story = replace(story, run=replace(story.run, summary={"derived": {"R0": float("nan")}}))
    record = json.loads(json.dumps(summary(story).as_json(), allow_nan=False))
    assert record["derived"] == {"R0": None}
    assert record["best"]["params"] == {"beta": 2.0}
    assert record["created_at"] == BEGAN.isoformat()


def test_a_ledger_is_summarised_like_its_rows(tmp_path: Path):
    ledger = open_ledger(str(tmp_path / "ledger.sqlite"))
    try:
        story = boarding_school(25)
        story.tell(ledger)
        found, expected = read_progress(ledger, story.run.run_id), summary(story)
        for name in (
            "by_status",
            "best",
            "best_raw",
            "failures",
            "stopped_early",
            "simulations",
            "derived",
            "finished",
        ):
            assert getattr(found, name) == getattr(expected, name), name
        assert found.finished_at is not None
        with pytest.raises(LedgerError, match="no run 'nobody'"):
            read_progress(ledger, "nobody")
    finally:
        ledger.close()


def test_status_says_where_a_finished_run_stands():
    text = "\n".join(status_lines(summary(boarding_school(40))))
    assert text.startswith("boarding-school: completed")
    assert "40 of 40 finished (38 completed, 2 failed; " in text
    assert "confirmed loss " in text
    assert "R0 " in text
    assert "2 MODEL_ERROR; the commonest (2): ValueError: probability above 1 (model.py:12)" in text


def test_status_of_a_run_that_has_nothing_yet():
    lines = status_lines(summary(Story(run=a_run())))
    assert lines[0] == "boarding-school: open, nobody works on it just now"
    assert "best        none yet" in lines


def test_status_of_a_running_and_of_a_failed_run():
    leased = Story(run=a_run(), trials=(Planned(params={"beta": 1.0}, end=None),))
    lines = status_lines(progress_of(leased.run, leased.rows()[0], BEGAN + timedelta(seconds=30)))
    assert lines[0] == "boarding-school: running"
    assert "worker      worker-a: 1 leased, for 1 min 30 s more unless renewed" in lines
    failed_run = a_run(state=RunState.FAILED, reason="12 of 12 trials failed")
    assert status_lines(progress_of(failed_run, [], LATER))[0] == "boarding-school: failed (12 of 12 trials failed)"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0, "0"), (12.3456, "12.35"), (1234.56, "1,235"), (123456.7, "123,457"), (-0.00123, "-0.00123"),
     (1e15, "1.000e+15"), (float("inf"), "inf")],
)  # fmt: skip
def test_numbers_are_short(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (42, "42 s"),
        (59.7, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7800, "2 h 10 min"),
        (273_600, "3 d 04 h"),
    ],
)
def test_durations_are_short(seconds, text):
    assert duration(seconds) == text


def test_a_summary_comes_back_from_its_json():
    for story in (raw_and_confirmed(), boarding_school()):
        found = summary(story)
        assert type(found).from_json(json.loads(json.dumps(found.as_json()))) == found
