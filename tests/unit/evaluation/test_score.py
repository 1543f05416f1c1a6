"""Laws of the score: over replicates, over targets, over what was not matched."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from modelops_runtime.evaluation.score import ScoredTarget, Scorer, effective_sample_size, log_mean_exp
from modelops_runtime.losses.loss import LossError
from modelops_runtime.specs.losses import LossSpec
from tests.support import losses as specs
from tests.support.losses import term_of

Y = np.array([3.0, 8.0, 26.0, 76.0])
ALL = [
    specs.MeanSignalLoss(),
    specs.AnnealedLoss(),
    specs.AbsoluteLoss(),
    specs.RelativeLoss(),
    specs.LogLoss(),
    specs.PoissonLoss(),
    specs.NegativeBinomialLoss(dispersion=10),
    specs.NormalLoss(sigma=5),
]
arrays = hnp.arrays(np.float64, st.tuples(st.integers(2, 8), st.just(4)), elements=st.floats(0, 200))


def scorer(*losses: LossSpec, weights: tuple[float, ...] | None = None) -> Scorer:
    n = len(Y)
    weights = weights or (1.0,) * len(losses)
    return Scorer(
        tuple(
            ScoredTarget(name=f"t{i}", start=i * n, stop=(i + 1) * n, weight=w, term=term_of(loss, Y, {}))
            for i, (loss, w) in enumerate(zip(losses, weights, strict=True))
        )
    )


@given(arrays)
def test_annealed_is_mean_signal_plus_variance_and_never_smaller(values):
    mean_signal, annealed = (scorer(loss).score(values).loss for loss in ALL[:2])
    assert annealed == pytest.approx(mean_signal + values.var(axis=0).mean(), rel=1e-9, abs=1e-9)
    assert annealed >= mean_signal - 1e-9


@pytest.mark.parametrize("loss", ALL, ids=lambda loss: loss.kind)
@given(arrays, st.randoms())
def test_the_order_of_replicates_does_not_matter(loss, values, random):
    order = list(range(len(values)))
    random.shuffle(order)
    one, other = scorer(loss).score(values), scorer(loss).score(values[order])
    assert other.loss == pytest.approx(one.loss, rel=1e-9, abs=1e-9)
    assert other.loss_se == pytest.approx(one.loss_se, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("loss", ALL, ids=lambda loss: loss.kind)
@given(arrays)
def test_leaving_one_out_is_the_score_of_the_others(loss, values):
    made = scorer(loss)
    others = [made.score(np.delete(values, r, axis=0)).loss for r in range(len(values))]
    assert made.leave_one_out(values) == pytest.approx(others, rel=1e-9, abs=1e-7)


@pytest.mark.parametrize("loss", ALL, ids=lambda loss: loss.kind)
def test_a_single_replicate_has_no_standard_error_and_repeating_it_changes_nothing(loss):
    row = np.array([[1.0, 9.0, 20.0, 80.0]])
    one, four = scorer(loss).score(row), scorer(loss).score(np.repeat(row, 4, axis=0))
    assert one.loss_se is None
    assert four.loss == pytest.approx(one.loss)
    assert four.loss_se == pytest.approx(0, abs=1e-12)


def test_the_standard_error_of_a_mean_over_replicates_is_the_usual_one():
    values = Y + np.array([[1.0], [2.0], [4.0]])  # own losses 1, 4, 16: sd = sqrt(63), se = sqrt(21)
    assert scorer(specs.AnnealedLoss()).score(values).loss_se == pytest.approx(math.sqrt(21))


@pytest.mark.parametrize("loss", [ALL[0], ALL[1], ALL[2]], ids=lambda loss: loss.kind)
def test_the_standard_error_is_the_spread_of_the_loss_over_fresh_replicates(loss):
    rng = np.random.default_rng(1)
    runs = [scorer(loss).score(rng.normal(Y + 6, 4, size=(10, 4))) for _ in range(600)]
    spread = np.std([run.loss for run in runs])
    assert np.sqrt(np.mean([run.loss_se**2 for run in runs])) == pytest.approx(spread, rel=0.12)


@given(hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(-2_000, 0)))
def test_an_effective_sample_size_lies_between_one_and_all_and_moves_with_no_constant(log_p):
    effective = effective_sample_size(log_p)
    assert 1 - 1e-9 <= effective <= len(log_p) + 1e-9
    assert effective_sample_size(log_p - 1e6) == pytest.approx(effective, rel=1e-6)


@pytest.mark.parametrize(
    ("weights", "effective"),
    [([1, 1, 1, 1, 1, 1], 6), ([1, 0, 0, 0], 1), ([3, 1], 16 / 10), ([1, 1, 1, 1e-30], 3), ([7.0], 1)],
)
def test_an_effective_sample_size_is_the_squared_sum_over_the_sum_of_squares(weights, effective):
    with np.errstate(divide="ignore"):
        assert effective_sample_size(np.log(np.array(weights, dtype=float))) == pytest.approx(effective)


def test_a_score_rests_on_the_weights_of_all_targets_together_and_tempered():
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(Y, 3, (30, 4)), rng.normal(Y, 3, (30, 4))], axis=1)
    made = scorer(specs.NormalLoss(sigma=5), specs.NormalLoss(sigma=2), weights=(1.0, 0.25))
    weights = np.exp(made.log_likelihoods(values))
    found = made.score(values)
    assert found.effective == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
    whole = scorer(specs.NormalLoss(sigma=5), specs.NormalLoss(sigma=2)).score(values)
    assert whole.effective is not None
    assert whole.effective < found.effective


def test_below_five_there_is_a_jackknife_error_that_is_not_known_and_from_five_on_there_is_one():
    four, five = np.repeat([Y + 1], 4, axis=0), np.repeat([Y + 1], 5, axis=0)
    for rows, known in ((four, False), (five, True)):
        found = scorer(specs.NormalLoss(sigma=5)).score(rows)
        assert found.effective == pytest.approx(len(rows))
        assert found.loss_se == pytest.approx(0, abs=1e-12)
        assert (found.known_se is not None) == known
    distance = scorer(specs.MeanSignalLoss()).score(four)
    assert (distance.effective, distance.known_se) == (None, distance.loss_se)


def test_the_bias_of_a_squared_error_is_the_variance_over_the_replicates_and_of_a_mean_of_losses_nothing():
    values = Y + np.array([[1.0], [2.0], [4.0]])
    found = scorer(specs.MeanSignalLoss()).score(values)
    assert found.bias == pytest.approx(values[:, 0].var(ddof=1) / 3)
    assert scorer(specs.AnnealedLoss()).score(values).bias == pytest.approx(0)
    assert scorer(specs.MeanSignalLoss()).score(values[:1]).bias is None


def test_the_bias_of_a_likelihood_by_hand():
    """Of two replicates, J without either is the other's -log w: the bias is log mean w - mean log w."""
    made = scorer(specs.NormalLoss(sigma=5))
    values = np.array([Y + 1, Y + 4])
    log_w = made.log_likelihoods(values)
    assert made.score(values).bias == pytest.approx(np.log(np.exp(log_w).mean()) - log_w.mean())
    assert made.score(values).known_bias is None, "fewer than five replicates count"


def test_a_loss_without_its_bias_is_that_of_many_replicates():
    """Weights uniform from 0 to 1: -log of the mean of R lies above log 2 by about 1 / 6R."""
    rng, made, replicates = np.random.default_rng(4), scorer(specs.NormalLoss(sigma=5)), 12
    peak = float(made.log_likelihoods(Y[None, :])[0])
    values = np.repeat(Y[None, None, :], 4_000, axis=0) * np.ones((1, replicates, 1))
    values[:, :, 0] += 5 * np.sqrt(2 * rng.exponential(size=(4_000, replicates)))
    scores = [made.score(one) for one in values]
    known = [one for one in scores if one.known_bias is not None]
    assert len(known) > 3_900
    excess = np.array([one.loss + peak - math.log(2) for one in known])
    bias = np.array([one.known_bias for one in known])
    assert excess.mean() == pytest.approx(1 / (6 * replicates), rel=0.4)
    assert (excess - bias).mean() == pytest.approx(0, abs=0.4 * excess.mean())


def test_weights_add_up_distances():
    values = np.array([[3.0, 8, 26, 80, 3, 8, 28, 76]])  # mean signal 4, annealed 1
    score = scorer(ALL[0], ALL[1], weights=(2.0, 0.5)).score(values)
    assert score.loss == 2 * 4 + 0.5 * 1
    assert score.per_target == {"t0": 4, "t1": 1}


def test_replicates_are_marginalised_once_over_all_targets():
    # Replicate 1 suits target 0 alone, replicate 2 target 1 alone: each target by itself would look well fitted.
    good, bad = Y, Y + 40
    values = np.array([[*good, *bad], [*bad, *good]])
    normal = specs.NormalLoss(sigma=5)
    made = scorer(normal, normal)
    l_good = float(scorer(normal).log_likelihoods(good[None])[0])
    l_bad = float(scorer(normal).log_likelihoods(bad[None])[0])
    score = made.score(values)
    assert score.loss == pytest.approx(-(l_good + l_bad))
    assert score.loss > sum(score.per_target.values()) + 100


def test_weights_temper_each_targets_likelihood_inside_the_marginal():
    normal = specs.NormalLoss(sigma=5)
    values = np.array([[*Y, *(Y + 5)], [*(Y + 10), *Y]])
    l0, l1 = scorer(normal).log_likelihoods(values[:, :4]), scorer(normal).log_likelihoods(values[:, 4:])
    made = scorer(normal, normal, weights=(0.5, 2.0))
    assert made.score(values).loss == pytest.approx(-log_mean_exp(0.5 * l0 + 2 * l1))


def test_log_mean_exp_neither_overflows_nor_underflows():
    assert log_mean_exp(np.array([-1e5, -1e5])) == -1e5
    assert log_mean_exp(np.array([0.0, -1e5])) == pytest.approx(-math.log(2))


@pytest.mark.parametrize("loss", ALL[:5], ids=lambda loss: loss.kind)
def test_unmatched_observations_are_left_out_of_a_distance(loss):
    values = np.array([[1.0, math.nan, 20, 80], [2.0, math.nan, 24, 70]])
    kept = [0, 2, 3]
    short = Scorer((ScoredTarget(name="t", start=0, stop=3, weight=1.0, term=term_of(loss, Y[kept], {})),))
    assert scorer(loss).score(values).loss == pytest.approx(short.score(values[:, kept]).loss)


def test_matching_less_does_not_make_a_likelihood_better():
    values = np.array([[3.0, 8, 26, 76]])
    fewer = np.array([[3.0, math.nan, 26, math.nan]])
    loss = specs.NormalLoss(sigma=5)
    assert scorer(loss).score(fewer).loss == pytest.approx(scorer(loss).score(values).loss)


def test_an_observation_that_one_replicate_did_not_match_counts_for_none():
    values = np.array([[3.0, 8, 26, math.nan], [3.0, 8, 26, 0.0]])
    assert scorer(specs.MeanSignalLoss()).score(values).loss == 0
    apart = np.array([[3.0, 8, math.nan, math.nan], [math.nan, math.nan, 26, 76]])
    with pytest.raises(LossError, match="no observation was matched by every replicate"):
        scorer(specs.MeanSignalLoss()).score(apart)


def test_a_scorer_survives_pickling():
    for loss in ALL:
        made = scorer(loss)
        assert pickle.loads(pickle.dumps(made)).score(Y[None]).loss == made.score(Y[None]).loss


def test_values_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"values are \[replicates, 4\]"):
        scorer(ALL[0]).score(np.zeros((2, 3)))


@pytest.mark.parametrize("loss", ALL[5:], ids=lambda loss: loss.kind)
@given(arrays, st.integers(1, 5))
def test_a_failed_replicate_counts_with_a_likelihood_of_0(loss, values, failed):
    made, rows = scorer(loss), [*values, *[np.full(4, np.inf)] * failed]
    score, without = made.score(np.array(rows)), made.score(values)
    assert score.loss == pytest.approx(without.loss + math.log(len(rows) / len(values)), rel=1e-9, abs=1e-9)
    assert score.effective == pytest.approx(without.effective)
    log_p = made.log_likelihoods(np.array(rows))
    assert log_p[len(values) :].tolist() == [-math.inf] * failed


def test_where_one_replicate_alone_ran_there_is_a_loss_and_no_error():
    values = np.array([[3.0, 8.0, 26.0, 76.0], [math.inf] * 4, [math.inf] * 4])
    made = scorer(ALL[5])
    score = made.score(values)
    assert score.loss == pytest.approx(made.score(values[:1]).loss + math.log(3))
    assert score.known_se is None
    with pytest.raises(LossError):
        made.score(values[1:])
