"""Ranks among draws: uniform for data of the model itself, and chance counted as it is."""

from __future__ import annotations

import numpy as np
import pytest

from modelops_runtime.statistics.predictive import (
    by_chance,
    central_counts,
    histogram,
    independent_counts,
    is_inside,
    joint_band,
    pit_values,
    tail,
)

LEVELS = np.array([0.5, 0.9, 0.95])


@pytest.mark.parametrize("mean", [0.3, 4.0, 300.0])
def test_pit_values_of_counts_are_uniform_for_data_of_the_model_itself(mean: float) -> None:
    """Of 2,000 data sets of 5 observations; each of ten bins within its binomial band, jointly at 99.9 %."""
    rng = np.random.default_rng(1)
    found = [pit_values(rng.poisson(mean, 5).astype(float), rng.poisson(mean, (99, 5)), rng) for _ in range(2_000)]
    counts = histogram(np.concatenate(found), 10)
    low, high = independent_counts(np.full(10_000, 0.1), 1 - 0.001 / 10)
    assert ((low <= counts) & (counts <= high)).all(), counts


@pytest.mark.parametrize(("spread", "shape"), [(2.0, "U"), (0.5, "hump")])
def test_pit_values_tell_a_wrong_scatter_by_their_shape(spread: float, shape: str) -> None:
    rng = np.random.default_rng(2)
    pit = pit_values(rng.normal(0, spread, 2_000), rng.normal(0, 1, (999, 2_000)), rng)
    first, *_, last = histogram(pit, 10)
    assert (min(first, last) > 400) if shape == "U" else (max(first, last) < 50)


def test_an_observation_that_is_missing_and_one_without_draws_have_no_pit_value() -> None:
    drawn = np.array([[1.0, np.nan, 3.0], [2.0, np.nan, np.nan]])
    pit = pit_values(np.array([np.nan, 1.0, 9.0]), drawn, np.random.default_rng(0))
    assert np.isnan(pit).tolist() == [True, True, False]
    assert 0.5 < pit[2] < 1, "above its one draw"


def test_the_independent_interval_is_the_binomial_one_where_all_chances_are_equal() -> None:
    assert independent_counts(np.full(14, 0.9), 0.95) == (10, 14)
    assert independent_counts(np.full(100, 0.5), 0.95) == (40, 60)
    assert independent_counts(np.array([0.0, 1.0, 1.0]), 0.95) == (2, 2), "each observation has its own chance"


def test_data_sets_of_runs_that_shift_as_a_whole_scatter_more_than_independent_ones() -> None:
    rng = np.random.default_rng(3)
    drawn = np.repeat(rng.normal(0, 3, (200, 1)), 5, axis=0) + rng.normal(0, 1, (1_000, 20))
    chance = by_chance(drawn, np.arange(0, 1_000, 5), 200, LEVELS, 5, rng)
    low, high = central_counts(chance.inside[:, 1], 0.95)
    assert (low, high) != independent_counts(chance.share[1], 0.95)
    assert low < 10, "a shifted run has most of its observations outside"
    assert chance.share[1].mean() == pytest.approx(0.9, abs=0.03)
    assert (chance.bins.sum(axis=1) == 20).all()


def test_a_data_set_is_ranked_among_the_draws_of_other_runs() -> None:
    """Two runs far apart: each data set lies beyond all draws of the other run."""
    drawn = np.concatenate([np.zeros((50, 4)), np.full((50, 4), 9.0)]) + np.linspace(0, 1, 100)[:, None]
    chance = by_chance(drawn, np.array([0, 99]), 2, LEVELS, 5, np.random.default_rng(0))
    assert chance.inside.tolist() == [[0, 0, 0], [0, 0, 0]]


def test_of_one_run_a_data_set_is_ranked_among_its_other_draws() -> None:
    drawn = np.random.default_rng(5).normal(0, 1, (1_000, 200))
    chance = by_chance(drawn, np.arange(100), 1, LEVELS, 10, np.random.default_rng(0))
    assert chance.share.mean(axis=1) == pytest.approx(LEVELS, abs=0.01)


def test_a_joint_band_holds_its_share_of_histograms_whole() -> None:
    counts = np.random.default_rng(4).multinomial(60, np.full(10, 0.1), size=2_000)
    low, high = joint_band(counts, 0.95)
    whole = ((counts >= low) & (counts <= high)).all(axis=1).mean()
    assert 0.9 < whole <= 0.985


def test_a_tail_counts_the_data_themselves() -> None:
    counts = np.arange(99)
    assert tail(-1, counts, above=False) == pytest.approx(0.01)
    assert tail(98, counts, above=True) == pytest.approx(0.02)


def test_data_are_counted_inside_a_band_as_data_sets_by_chance_are() -> None:
    """Data of the model itself lie inside as often as its data sets, with few draws too."""
    rng = np.random.default_rng(4)
    outside_chance = 0
    for _ in range(40):
        drawn = rng.normal(size=(40, 1_000))
        chance = by_chance(drawn, np.arange(40), 40, np.array([0.9]), 10, rng)
        inside = int(is_inside(rng.normal(size=1_000), drawn, 0.9).sum())
        low, high = central_counts(chance.inside[:, 0], 0.95)
        outside_chance += not low <= inside <= high
    assert outside_chance <= 8
