"""Fits over the trials of a likelihood: corrected where the bias of a loss is known, without the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelops_runtime.inference.intervals import intervals
from modelops_runtime.inference.searched import Searched
from modelops_runtime.inference.unbiased import unbiased
from modelops_runtime.ledger.base import Trial
from tests.unit.inference.runs import FRESH, Story, a_run, completed

X = Searched(name="x", low=0.0, high=10.0)


def bowl(x: float) -> float:
    return 60.0 + 1.5 * (x - 5.0) ** 2


def searched(*, bias: float | None, effective: float, replicates: int = 10, count: int = 60) -> list[Trial]:
    """Trials along a bowl whose losses are too high by `bias` on each side of the best."""
    planned = [
        completed(
            n,
            {"x": 10 * n / (count - 1)},
            [[0.0]] * replicates,
            bowl(10 * n / (count - 1)) + (bias or 0.0) * (10 * n / (count - 1) - 5.0) ** 2,
            effective_sample_size=effective,
            diagnostics={"loss_bias": None if bias is None else bias * (10 * n / (count - 1) - 5.0) ** 2},
        )
        for n in range(count)
    ]
    return Story(run=a_run(), trials=tuple(planned)).rows()[0]


def test_the_surface_is_that_of_the_losses_without_their_bias():
    plain, biased = searched(bias=0.0, effective=8.0), searched(bias=0.7, effective=8.0)
    (expected,), (found,) = (intervals([X], t, t[30], is_likelihood=True).parameters for t in (plain, biased))
    assert expected.low is not None
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    (as_it_is,) = intervals([X], biased, biased[30], is_likelihood=False, observations=50).parameters
    (too,) = intervals([X], plain, plain[30], is_likelihood=False, observations=50).parameters
    assert as_it_is.low != pytest.approx(too.low), "a distance is fitted as it is"


def test_a_loss_whose_bias_is_not_known_is_left_out_and_the_others_are_enough():
    trials = searched(bias=0.0, effective=8.0)
    lucky = [replace(t, loss=40.0, diagnostics={"loss_bias": None}) if t.number % 3 == 0 else t for t in trials]
    (found,) = intervals([X], lucky, lucky[30], is_likelihood=True).parameters
    (expected,) = intervals([X], trials, trials[30], is_likelihood=True).parameters
    assert (found.low, found.high) == (pytest.approx(expected.low, abs=0.01), pytest.approx(expected.high, abs=0.01))
    assert len(unbiased(lucky).left_out) == 20


def test_too_few_are_refused_with_their_number_and_what_to_add():
    trials = searched(bias=None, effective=2.0)
    found = intervals([X], trials, trials[30], is_likelihood=True)
    assert found.reason == (
        "only 0 of 60 completed trials have a loss whose bias is known (enough of its replicates count "
        "in it): a surface over 1 parameter needs 14"
    )
    assert found.advice.startswith(
        "About 37 replicates of each set (search.replicates, or its max) may give them, or add obs"
    )
    hopeless = searched(bias=None, effective=1.0)
    advice = intervals([X], hopeless, hopeless[30], is_likelihood=True).advice
    assert advice.startswith(
        "More replicates of each set (search.replicates, or its max) may give them; where they do not, add"
    )


def test_a_model_without_noise_has_no_bias_with_a_single_replicate_either():
    trials = searched(bias=None, effective=1.0, replicates=1)
    again = completed(30, trials[30].params or {}, [[0.0]] * 10, 60.0, first=FRESH, loss_se=0.0)
    confirmed = Story(run=a_run(), trials=(), confirms={30: again}).rows()[0]
    assert intervals([X], [*trials, *confirmed], trials[30], is_likelihood=True).reason == ""
    noisy = [replace(one, loss_se=0.1) for one in confirmed]
    assert intervals([X], [*trials, *noisy], trials[30], is_likelihood=True).reason.startswith(
        "only 0 of 60 completed trials have a loss"
    )


def test_a_model_without_noise_is_known_by_its_sizes_too_where_nothing_is_confirmed():
    trials = searched(bias=None, effective=3.0, replicates=3)
    assert intervals([X], trials, trials[30], is_likelihood=True).reason == ""
    assert unbiased(trials).left_out == ()
