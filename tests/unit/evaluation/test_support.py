"""Before a run, simulations of one set tell on how many replicates its likelihood will rest."""

from __future__ import annotations

import numpy as np
import pytest

from modelops_runtime.evaluation.score import ScoredTarget, Scorer, effective_sample_size
from modelops_runtime.evaluation.support import expected_effective
from modelops_runtime.specs.losses import LossSpec
from tests.support import losses as specs
from tests.support.losses import term_of


def scorer(n: int, loss: LossSpec, weight: float = 1.0) -> Scorer:
    term = term_of(loss, np.zeros(n), {"n": np.full(n, 50.0)})
    return Scorer((ScoredTarget(name="t", start=0, stop=n, weight=weight, term=term),))


def walks(rows: int, n: int, *, sd: float, seed: int = 1) -> np.ndarray:
    """Latent noise: each row a path of its own."""
    return 100 + np.cumsum(np.random.default_rng(seed).normal(0, sd, (rows, n)), axis=1)


def expected(values: np.ndarray, made: Scorer, replicates: int) -> float:
    found = expected_effective(values, made, replicates=replicates, rng=np.random.default_rng(2))
    assert found is not None
    return found


def test_many_observations_of_a_noisy_path_rest_on_one_replicate_and_few_with_more_noise_do_not():
    assert expected(walks(21, 60, sd=5), scorer(60, specs.NormalLoss(sigma=1)), 100) < 1.5
    assert expected(walks(21, 3, sd=1), scorer(3, specs.NormalLoss(sigma=5)), 100) > 50
    assert expected(walks(21, 60, sd=5), scorer(60, specs.NormalLoss(sigma=1), weight=0.0005), 100) > 5


def test_a_model_without_noise_rests_on_all_its_replicates():
    assert expected(np.full((21, 60), 7.0), scorer(60, specs.PoissonLoss()), 400) == pytest.approx(400)


def test_a_few_simulations_foretell_what_many_show():
    made, rng = scorer(6, specs.NormalLoss(sigma=1.5)), np.random.default_rng(5)
    many = walks(400, 6, sd=1, seed=9)
    data = many[:40] + rng.normal(0, 1.5, (40, 6))
    shown = []
    for row in data:
        target = made.targets[0]
        other = Scorer((ScoredTarget(name="t", start=0, stop=6, weight=1.0, term=target.term.with_observations(row)),))
        shown.append(effective_sample_size(other.log_likelihoods(many)))
    many_times_over = float(np.median(shown))
    assert many_times_over / 2 < expected(walks(21, 6, sd=1), made, 400) < 2 * many_times_over


def test_what_was_not_matched_is_left_out_and_where_nothing_is_left_nothing_is_said():
    values = walks(21, 4, sd=1)
    values[3, 2] = np.nan
    assert expected(values, scorer(4, specs.NormalLoss(sigma=5)), 100) > 5
    values[:, :] = np.nan
    nothing = expected_effective(
        values, scorer(4, specs.NormalLoss(sigma=5)), replicates=100, rng=np.random.default_rng(2)
    )
    assert nothing is None


@pytest.mark.parametrize(
    "loss",
    [
        specs.PoissonLoss(),
        specs.NegativeBinomialLoss(dispersion=4),
        specs.BinomialLoss(n="n"),
        specs.BetaBinomialLoss(n="n", dispersion=9),
        specs.NormalLoss(sigma=3),
    ],
    ids=lambda loss: loss.kind,
)
def test_a_term_over_other_data_is_that_of_a_spec_over_them(loss: LossSpec):
    columns = {"n": np.full(3, 50.0)}
    before, y = term_of(loss, np.array([1.0, 2.0, 3.0]), columns), np.array([4.0, 0.0, 9.0])
    wanted, found = term_of(loss, y, columns), before.with_observations(y)
    for name in ("y", "a", "constant"):
        assert getattr(found, name).tolist() == getattr(wanted, name).tolist()
    assert (found.kind, found.options) == (wanted.kind, wanted.options)
