"""Every loss against numbers worked out by hand, and likelihoods against scipy.stats."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from modelops_runtime.evaluation.score import ScoredTarget, Scorer
from modelops_runtime.losses.loss import LossError, OptionProblem
from tests.support import losses as specs
from tests.support.losses import term_of

Y = np.array([2.0, 4.0])
TWO = np.array([[1.0, 4.0], [5.0, 8.0]])  # means 3 and 6


def scorer(loss, y=Y, columns=None) -> Scorer:
    term = term_of(loss, np.asarray(y, dtype=float), columns or {})
    return Scorer((ScoredTarget(name="t", start=0, stop=len(y), weight=1.0, term=term),))


def loss_of(loss, values, y=Y, columns=None) -> float:
    return scorer(loss, y, columns).score(np.asarray(values, dtype=float)).loss


def test_mean_signal_by_hand():
    # means 3, 6; errors 1, 2; (1 + 4) / 2
    assert loss_of(specs.MeanSignalLoss(), TWO) == 2.5


def test_annealed_by_hand():
    # replicate 1: errors 1, 0 -> 0.5; replicate 2: 3, 4 -> 12.5; mean 6.5 = 2.5 + variance (4 + 4) / 2
    assert loss_of(specs.AnnealedLoss(), TWO) == 6.5


def test_absolute_by_hand():
    # (1 + 2) / 2
    assert loss_of(specs.AbsoluteLoss(), TWO) == 1.5


def test_relative_by_hand():
    # (1/2)^2 and (2/4)^2, mean 1/4; with a floor of 4: (1/4)^2 and (2/4)^2, mean 5/32
    assert loss_of(specs.RelativeLoss(), TWO) == 0.25
    assert loss_of(specs.RelativeLoss(floor=4), TWO) == 5 / 32


def test_log_by_hand():
    # means 3, 6: log(3/4)^2 = 0.0827603, log(5/7)^2 = 0.1132129; mean 0.0979866
    assert loss_of(specs.LogLoss(), TWO) == pytest.approx(0.0979866, abs=1e-6)


def test_poisson_by_hand():
    # mean 2, y 2: 2^2 e^-2 / 2 = 2 e^-2; mean 4, y 4: 4^4 e^-4 / 24 = 32/3 e^-4; -log = 6 - log(64/3) = 2.939729
    assert loss_of(specs.PoissonLoss(), [[2, 4]]) == pytest.approx(6 - math.log(64 / 3))


def test_negative_binomial_by_hand():
    # k = 1 is geometric: p(y) = (1/(1+m)) (m/(1+m))^y; m 1, y 2: 1/8; m 3, y 4: (1/4)(3/4)^4 = 81/1024
    loss = specs.NegativeBinomialLoss(dispersion=1)
    assert loss_of(loss, [[1, 3]]) == pytest.approx(-math.log(81 / 8192))


def test_binomial_by_hand():
    # n 4: C(4,2)/16 = 6/16; C(4,4) (1/2)^4 = 1/16
    assert loss_of(specs.BinomialLoss(n=4), [[0.5, 0.5]]) == pytest.approx(-math.log(6 / 256))


def test_beta_binomial_by_hand():
    # p 1/2 with alpha + beta = 2 is uniform over 0..n: 1/5 each
    assert loss_of(specs.BetaBinomialLoss(n=4, dispersion=2), [[0.5, 0.5]]) == pytest.approx(math.log(25))


def test_normal_by_hand():
    # sigma 2: errors 0 and 2: log 2 + log(2 pi)/2 twice, plus 1/2
    expected = 2 * math.log(2) + math.log(2 * math.pi) + 0.5
    assert loss_of(specs.NormalLoss(sigma=2), [[2, 6]]) == pytest.approx(expected)


def test_columns_give_n_and_sigma_for_each_observation():
    columns = {"tested": np.array([4.0, 8.0]), "se": np.array([1.0, 3.0])}
    # C(4,2)/16 = 3/8; C(8,4)/256 = 35/128
    assert loss_of(specs.BinomialLoss(n="tested"), [[0.5, 0.5]], columns=columns) == pytest.approx(
        -math.log(105 / 1024)
    )
    # errors 1 and 3: -log p = log 3 + log 2 pi + 1/2 + 1/2
    normal = loss_of(specs.NormalLoss(sigma="se"), [[3, 1]], columns=columns)
    assert normal == pytest.approx(math.log(3) + math.log(2 * math.pi) + 1)


counts = st.integers(0, 300).map(float)
positive = st.floats(0.05, 400)
shares = st.floats(0.01, 0.99)


@given(counts, positive, positive)
def test_counts_agree_with_scipy(y, mean, k):
    poisson = loss_of(specs.PoissonLoss(), [[mean]], [y])
    assert poisson == pytest.approx(-stats.poisson.logpmf(y, mean), rel=1e-9, abs=1e-9)
    negative_binomial = loss_of(specs.NegativeBinomialLoss(dispersion=k), [[mean]], [y])
    assert negative_binomial == pytest.approx(-stats.nbinom.logpmf(y, k, k / (k + mean)), rel=1e-7, abs=1e-7)


@given(st.integers(0, 60), st.integers(1, 60), shares, st.floats(0.1, 200))
def test_shares_agree_with_scipy(y, more, p, d):
    n = y + more
    binomial = loss_of(specs.BinomialLoss(n=n), [[p]], [y])
    assert binomial == pytest.approx(-stats.binom.logpmf(y, n, p), rel=1e-7, abs=1e-7)
    beta = loss_of(specs.BetaBinomialLoss(n=n, dispersion=d), [[p]], [y])
    assert beta == pytest.approx(-stats.betabinom.logpmf(y, n, p * d, (1 - p) * d), rel=1e-6, abs=1e-6)


@given(st.floats(-50, 50), st.floats(-50, 50), st.floats(0.1, 20))
def test_normal_agrees_with_scipy(y, x, sigma):
    assert loss_of(specs.NormalLoss(sigma=sigma), [[x]], [y]) == pytest.approx(-stats.norm.logpdf(y, x, sigma))


def test_dispersion_grows_towards_the_plain_model():
    poisson = loss_of(specs.PoissonLoss(), [[3, 5]])
    assert loss_of(specs.NegativeBinomialLoss(dispersion=1e7), [[3, 5]]) == pytest.approx(poisson, abs=1e-4)
    binomial = loss_of(specs.BinomialLoss(n=9), [[0.3, 0.5]])
    assert loss_of(specs.BetaBinomialLoss(n=9, dispersion=1e7), [[0.3, 0.5]]) == pytest.approx(binomial, abs=1e-4)


@pytest.mark.parametrize("size", [1e8, 1e12, 1e15, 1e20, 1e300])
def test_a_dispersion_of_any_size_leaves_all_digits(size):
    far = [[3.0, 5.0]]
    poisson = loss_of(specs.PoissonLoss(), far)
    assert loss_of(specs.NegativeBinomialLoss(dispersion=size), far) == pytest.approx(poisson, abs=1e-6)
    binomial = loss_of(specs.BinomialLoss(n=9), [[0.3, 0.5]])
    assert loss_of(specs.BetaBinomialLoss(n=9, dispersion=size), [[0.3, 0.5]]) == pytest.approx(binomial, abs=1e-6)


@pytest.mark.parametrize("side", [0.999, 1.001])
def test_both_ways_to_compute_a_dispersion_meet(side):
    at = 1e8 * side
    expected = loss_of(specs.NegativeBinomialLoss(dispersion=1e8), [[3.0, 5.0]])
    assert loss_of(specs.NegativeBinomialLoss(dispersion=at), [[3.0, 5.0]]) == pytest.approx(expected, abs=1e-6)
    expected = loss_of(specs.BetaBinomialLoss(n=9, dispersion=1e8), [[0.3, 0.5]])
    assert loss_of(specs.BetaBinomialLoss(n=9, dispersion=at), [[0.3, 0.5]]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "loss",
    [
        specs.PoissonLoss(),
        specs.NegativeBinomialLoss(dispersion=10),
        specs.BinomialLoss(n=10),
        specs.BetaBinomialLoss(n=10, dispersion=5),
    ],
)
def test_a_simulated_zero_where_something_was_observed_is_far_but_finite(loss):
    none, some = loss_of(loss, [[0, 0]]), loss_of(loss, [[0.2, 0.4]])
    assert math.isfinite(none)
    assert none > some + 10


@pytest.mark.parametrize(
    ("loss", "value"),
    [
        (specs.PoissonLoss(), -1),
        (specs.NegativeBinomialLoss(dispersion=10), -1),
        (specs.BinomialLoss(n=10), 1.5),
        (specs.BetaBinomialLoss(n=10, dispersion=5), -0.1),
        (specs.LogLoss(), -1),
    ],
)
def test_what_a_loss_cannot_take_is_a_loss_error_that_names_it(loss, value):
    with pytest.raises(LossError, match=f"got {value}|above -1"):
        loss_of(loss, [[value, value]])


def test_a_loss_beyond_all_numbers_is_a_loss_error():
    with pytest.raises(LossError, match="the loss is inf"), np.errstate(over="ignore"):
        loss_of(specs.MeanSignalLoss(), [[1e300, 1e300]])


@pytest.mark.parametrize(
    ("loss", "y", "key"),
    [
        (specs.PoissonLoss(), [1.5], ""),
        (specs.NegativeBinomialLoss(dispersion=1), [-1], ""),
        (specs.BinomialLoss(n=3), [4], "n"),
        (specs.BinomialLoss(n=3.5), [3], "n"),
        (specs.BinomialLoss(n="nowhere"), [3], "n"),
        (specs.NormalLoss(sigma="zero"), [3], "sigma"),
        (specs.LogLoss(offset=1), [-2], "offset"),
    ],
)
def test_a_loss_that_the_data_do_not_allow_is_a_problem_at_its_key(loss, y, key):
    with pytest.raises(OptionProblem) as caught:
        term_of(loss, np.array(y, dtype=float), {"zero": np.zeros(1)})
    assert caught.value.args[0] == key
