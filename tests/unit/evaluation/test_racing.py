"""Who is dropped, how often wrongly, and what is told of them."""

from __future__ import annotations

import numpy as np
import pytest

from modelops_runtime.evaluation.racing import corrected_loss, judge
from modelops_runtime.evaluation.score import ScoredTarget, Scorer
from tests.support import losses as specs
from tests.support.losses import term_of

Y = np.array([3.0, 8, 26, 76, 225, 298, 258, 233, 189, 128, 68, 29, 14, 4])
MEAN_SIGNAL = specs.MeanSignalLoss()
ANNEALED = specs.AnnealedLoss()
COUNTS = specs.NegativeBinomialLoss(dispersion=10)
LOSSES = [MEAN_SIGNAL, ANNEALED, COUNTS]
R, FEW = 10, 3


def scorer(loss) -> Scorer:
    return Scorer((ScoredTarget(name="t", start=0, stop=len(Y), weight=1.0, term=term_of(loss, Y, {})),))


def epidemics(rng, scale, noise) -> np.ndarray:
    """R curves of `scale` times the data's size, each of its own size too."""
    return np.maximum(Y * scale * np.exp(rng.normal(0, noise, size=(R, 1))), 0)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
def test_the_incumbent_itself_goes_on(loss):
    values = epidemics(np.random.default_rng(1), 1.0, 0.2)
    assert judge(values[:FEW], values, scorer(loss), paired=True).keep
    assert judge(values[:FEW], values, scorer(loss), paired=False).keep


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
def test_a_set_that_is_far_off_is_dropped(loss, paired):
    rng = np.random.default_rng(2)
    verdict = judge(epidemics(rng, 0.1, 0.1)[:FEW], epidemics(rng, 1.0, 0.1), scorer(loss), paired=paired)
    assert not verdict.keep
    assert verdict.p_better < 0.03


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
def test_a_set_that_would_have_won_is_seldom_dropped(loss, paired):
    made, wins, wrong, dropped = scorer(loss), 0, 0, 0
    rng = np.random.default_rng(3)
    for _ in range(400):
        seed = rng.integers(2**32)
        ours = np.random.default_rng(seed if paired else rng.integers(2**32))
        incumbent = epidemics(np.random.default_rng(seed), rng.uniform(0.7, 1.4), 0.3)
        contender = epidemics(ours, rng.uniform(0.1, 2.0), 0.3)
        keep = judge(contender[:FEW], incumbent, made, paired=paired).keep
        better = made.score(contender).loss < made.score(incumbent).loss
        wins, wrong, dropped = wins + better, wrong + (better and not keep), dropped + (not keep)
    assert wins > 40
    assert wrong <= 0.02 * wins
    assert dropped > 40


def test_what_cannot_be_judged_goes_on():
    values = epidemics(np.random.default_rng(1), 1.0, 0.2)
    assert judge(values[:1] * 9, values, scorer(MEAN_SIGNAL), paired=True).keep
    assert judge(values[:3] * 9, values[:2], scorer(MEAN_SIGNAL), paired=True).keep


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.kind)
def test_without_noise_the_better_one_is_plain(loss):
    still = np.repeat(Y[None] * 1.1, R, axis=0)
    assert judge(np.repeat(Y[None] * 1.05, FEW, axis=0), still, scorer(loss), paired=True).keep
    assert judge(still[:FEW], still, scorer(loss), paired=True).keep
    assert not judge(np.repeat(Y[None] * 1.3, FEW, axis=0), still, scorer(loss), paired=True).keep


def test_the_corrected_mean_signal_by_hand():
    # one observation 0; values 1, 2, 6: mean 3, J 9, variance 7; 9 - 7 (1/3 - 1/10) = 9 - 49/30
    made = Scorer((ScoredTarget(name="t", start=0, stop=1, weight=1.0, term=term_of(MEAN_SIGNAL, np.zeros(1), {})),))
    assert corrected_loss(np.array([[1.0], [2.0], [6.0]]), 10, made) == pytest.approx(9 - 49 / 30)


def test_the_corrected_likelihood_by_hand():
    # weights 1 and e^-inf ~ 0: c^2 = var / mean^2 = (1/2) / (1/4) = 2; -log p falls by 1 * (1/2 - 1/4)
    normal = specs.NormalLoss(sigma=1)
    made = Scorer((ScoredTarget(name="t", start=0, stop=1, weight=1.0, term=term_of(normal, np.zeros(1), {})),))
    values = np.array([[0.0], [100.0]])
    assert corrected_loss(values, 4, made) == pytest.approx(made.score(values).loss - 0.25)


def test_the_corrected_loss_over_few_is_that_over_all_on_average():
    rng = np.random.default_rng(4)
    made = scorer(MEAN_SIGNAL)
    sets = [rng.normal(Y, 20, size=(R, len(Y))) for _ in range(800)]
    naive = np.mean([made.score(v[:FEW]).loss for v in sets])
    corrected = np.mean([corrected_loss(v[:FEW], R, made) for v in sets])
    whole = np.mean([made.score(v).loss for v in sets])
    assert naive > 2 * whole
    assert corrected == pytest.approx(whole, rel=0.15)


def test_annealed_and_whole_sets_need_no_correction():
    values = epidemics(np.random.default_rng(5), 0.8, 0.3)
    assert corrected_loss(values[:FEW], R, scorer(ANNEALED)) == pytest.approx(scorer(ANNEALED).score(values[:FEW]).loss)
    assert corrected_loss(values, R, scorer(MEAN_SIGNAL)) == scorer(MEAN_SIGNAL).score(values).loss


def test_a_distance_is_never_corrected_below_nothing():
    values = Y + np.array([[-30.0], [0.0], [30.0]])
    assert corrected_loss(values, R, scorer(MEAN_SIGNAL)) == 0
