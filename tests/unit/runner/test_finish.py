"""Which set is the answer, and when there is none."""

from __future__ import annotations

import pytest

from modelops_runtime.contracts.errors import RunFailed
from modelops_runtime.ledger.base import Trial
from modelops_runtime.runner.finish import BestTrial, best_trial
from modelops_runtime.runner.search import SearchStatus
from tests.unit.runner.records import settings, trial


def of(*trials: Trial, **changes: object) -> BestTrial:
    status = SearchStatus()
    for each in trials:
        if each.phase == "search":
            status.add(each)
    return best_trial(trials, status, settings(**changes))


def test_the_lowest_confirmed_loss_wins_over_the_lowest_loss_of_the_search() -> None:
    lucky, good = trial(0, 1.0), trial(1, 2.0)
    found = of(lucky, good, trial(0, 5.0, phase="confirm"), trial(1, 3.0, phase="confirm"))
    assert found.trial.number == 1
    assert found.trial.loss == 2.0
    assert found.confirmed is not None
    assert found.confirmed.loss == 3.0


def test_without_confirmation_the_lowest_loss_of_the_search_is_the_answer() -> None:
    found = of(trial(0, 3.0), trial(1, 2.0), confirm_top=0)
    assert found.trial.number == 1
    assert found.confirmed is None


def test_a_run_in_which_nothing_completed_has_failed() -> None:
    with pytest.raises(RunFailed, match="ValueError: no"):
        of(trial(0, None), trial(1, None), max_failed=1.0)


def test_a_share_of_failures_above_the_limit_fails_even_a_short_run() -> None:
    with pytest.raises(RunFailed, match="2 of 3 trials failed"):
        of(trial(0, None), trial(1, None), trial(2, 1.0))


def test_a_run_whose_finalists_all_fail_on_fresh_seeds_has_failed() -> None:
    with pytest.raises(RunFailed, match="fresh seeds: ValueError: no"):
        of(trial(0, 1.0), trial(0, None, phase="confirm"))
