"""The stored answer of a run, as this version and older ones wrote it, and the order of trials."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from modelops_runtime.contracts.answer import Answer, by_loss

STORED = sorted((Path(__file__).parents[2] / "stored").glob("version_*.sql"))


def stored_answers(path: Path) -> list[dict[str, object]]:
    """Every summary that a stored ledger holds."""
    text = path.read_text("utf-8")
    return [json.JSONDecoder().raw_decode(text, each.start())[0] for each in re.finditer(r'\{"best_trial":', text)]


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_each_stored_answer_is_read_and_written_as_it_was(path: Path) -> None:
    answers = stored_answers(path)
    assert answers
    for stored in answers:
        read = Answer.from_json(stored)
        assert read.best_trial == stored["best_trial"]
        assert {name: value for name, value in read.as_json().items() if name in stored} == stored


def test_what_an_older_version_did_not_write_is_not_known() -> None:
    read = Answer.from_json({"best_trial": 3, "params": {"a": 1}, "loss": 2.0, "derived": None, "later": 1})
    assert (read.best_trial, read.params, read.derived, read.failed) == (3, {"a": 1}, {}, None)
    assert (read.is_confirmed, read.replicates_of_loss) == (False, 0)
    assert Answer.from_json({}) == Answer()


def test_the_size_and_the_replicates_are_those_of_the_loss_that_counts() -> None:
    searched = Answer(loss=1.0, replicates=4, effective_sample_size=2.0, confirmed_replicates=0)
    assert (searched.replicates_of_loss, searched.effective_sample_size_of_loss) == (4, 2.0)
    confirmed = Answer(
        loss=1.0, replicates=4, confirmed_loss=2.0, confirmed_replicates=40, confirmed_effective_sample_size=9.0
    )
    assert (confirmed.replicates_of_loss, confirmed.effective_sample_size_of_loss) == (40, 9.0)


def test_trials_are_ordered_by_loss_then_number_and_those_without_one_come_last() -> None:
    trials = [(None, 0), (2.0, 1), (1.0, 3), (1.0, 2)]
    assert sorted(trials, key=lambda trial: by_loss(*trial)) == [(1.0, 2), (1.0, 3), (2.0, 1), (None, 0)]
