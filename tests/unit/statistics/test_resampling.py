"""Weights and systematic resampling of particles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from modelops_runtime.statistics.resampling import systematic, weigh

LOGS = arrays(np.float64, st.integers(2, 30), elements=st.floats(-50, 50))


@given(LOGS, st.floats(0, 1, exclude_max=True))
def test_a_particle_goes_on_as_often_as_its_weight_says_rounded_up_or_down(log_w: np.ndarray, uniform: float) -> None:
    _, weights = weigh(log_w[:, None])
    chosen = systematic(weights, uniform)
    copies, expected = np.bincount(chosen, minlength=len(weights)), len(weights) * weights
    assert len(chosen) == len(weights)
    assert (np.diff(chosen) >= 0).all()
    assert (copies >= np.floor(expected - 1e-9)).all()
    assert (copies <= np.ceil(expected + 1e-9)).all()


def test_the_mean_number_of_copies_is_the_weight() -> None:
    weights = np.array([0.05, 0.5, 0.15, 0.3])
    points = (np.arange(2_000) + 0.5) / 2_000
    copies = np.mean([np.bincount(systematic(weights, u), minlength=4) for u in points], axis=0)
    assert copies == pytest.approx(4 * weights, abs=2e-3)


@given(LOGS, st.floats(-2_000, 2_000))
def test_means_and_weights_do_not_overflow(log_w: np.ndarray, shift: float) -> None:
    columns = np.stack([log_w, log_w[::-1]], axis=1)
    means, weights = weigh(columns)
    moved, same = weigh(columns + shift)
    assert means == pytest.approx(np.log(np.exp(columns).mean(axis=0)))
    assert moved == pytest.approx(means + shift, abs=1e-9 * (1 + abs(shift)))
    assert same == pytest.approx(weights, abs=1e-9)
    assert weights.sum() == pytest.approx(1)


def test_where_no_particle_is_possible_the_mean_is_zero_and_all_weigh_the_same() -> None:
    means, weights = weigh(np.full((4, 2), -np.inf))
    assert means.tolist() == [-np.inf, -np.inf]
    assert weights.tolist() == [0.25] * 4
    means, weights = weigh(np.array([[0.0, -np.inf], [0.0, 0.0]]))
    assert means == pytest.approx([0.0, np.log(0.5)])
    assert weights.tolist() == [0.0, 1.0]
