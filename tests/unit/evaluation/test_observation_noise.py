"""Draws follow the distribution that a loss assumes, and keep the places of what was observed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from modelops_runtime.evaluation.observation_noise import in_observed_unit, observable, observe, observed_of
from modelops_runtime.evaluation.plan import with_values
from modelops_runtime.evaluation.score import ScoredTarget
from modelops_runtime.losses.loss import LossError
from tests.support import losses as specs
from tests.support.losses import custom_term, term_of
from tests.unit.evaluation.targets import plan

MANY = 200_000
ZEROS = np.zeros(MANY)
N = {"n": np.full(MANY, 50.0)}


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.mark.parametrize(
    ("loss", "simulated", "mean", "variance"),
    [
        (specs.PoissonLoss(), 6.0, 6.0, 6.0),
        (specs.NegativeBinomialLoss(dispersion=4), 6.0, 6.0, 6.0 + 36.0 / 4),
        (specs.BinomialLoss(n="n"), 0.2, 10.0, 50 * 0.2 * 0.8),
        # n p (1-p) (1 + (n-1) / (d+1)), d = 9
        (specs.BetaBinomialLoss(n="n", dispersion=9), 0.2, 10.0, 8.0 * (1 + 49 / 10)),
        (specs.NormalLoss(sigma=3.0), -6.0, -6.0, 9.0),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_likelihoods_draw_from_their_own_distribution(loss, simulated: float, mean: float, variance: float) -> None:
    drawn = observe(term_of(loss, ZEROS, N), np.full(MANY, simulated), rng())
    assert drawn.dtype == np.float64
    assert drawn.mean() == pytest.approx(mean, abs=5 * np.sqrt(variance / MANY))
    assert drawn.var() == pytest.approx(variance, rel=0.03)
    assert loss.kind == "normal" or (drawn == np.floor(drawn)).all()


@pytest.mark.parametrize(
    "loss", [specs.MeanSignalLoss(), specs.AnnealedLoss(), specs.AbsoluteLoss(), specs.RelativeLoss(), specs.LogLoss()]
)
def test_distances_assume_no_noise(loss) -> None:
    simulated = np.array([0.5, 2.25])
    assert observe(term_of(loss, np.ones(2), {}), simulated, rng()).tolist() == [0.5, 2.25]


@pytest.mark.parametrize(
    ("loss", "simulated"),
    [
        (specs.PoissonLoss(), -1.0),
        (specs.NegativeBinomialLoss(dispersion=4), -1.0),
        (specs.NegativeBinomialLoss(dispersion=4), 1e300),
        (specs.BinomialLoss(n=5), 1.5),
        (specs.LogLoss(), -3.0),
    ],
)
def test_what_the_loss_refuses_is_not_drawn(loss, simulated: float) -> None:
    with pytest.raises(LossError):
        observe(term_of(loss, np.zeros(1), {}), np.array([simulated]), rng())


def test_targets_are_drawn_each_in_its_place_whatever_their_weights() -> None:
    exact = term_of(specs.NormalLoss(sigma=1e-9), np.zeros(2), {})
    none = term_of(specs.BinomialLoss(n=7), np.zeros(2), {})
    own = custom_term("model.py:own", np.zeros(1))
    targets = [
        ScoredTarget(name="a", start=0, stop=2, weight=0.1, term=exact),
        ScoredTarget(name="b", start=2, stop=4, weight=9.0, term=none),
        ScoredTarget(name="c", start=4, stop=5, weight=1.0, term=own),
    ]
    simulated = np.array([3.0, np.nan, np.nan, 1.0, 0.5])
    drawn = observed_of(targets, simulated, rng())
    assert drawn.round(6).tolist()[0] == 3.0
    assert np.isnan(drawn[1:3]).all(), "what was not matched is not observed"
    assert drawn[3:].tolist() == [7.0, 0.5], "all of n = 7 at a probability of 1; a loss of one's own: as it is"
    assert simulated[3] == 1.0, "the simulated values stay as they are"


def test_what_would_be_observed_is_drawn_around_each_replicate() -> None:
    term = term_of(specs.BinomialLoss(n="n"), np.zeros(2), {"n": np.array([10.0, 1000.0])})
    simulated = np.array([[0.0, 1.0], [1.0, np.nan]])
    assert in_observed_unit(term, simulated)[0].tolist() == [0.0, 1000.0]
    drawn = observable(term, simulated, rng(), draws=3)
    assert drawn.shape == (6, 2)
    assert drawn[:3].tolist() == [[0.0, 1000.0]] * 3
    assert drawn[3:, 0].tolist() == [10.0] * 3
    assert np.isnan(drawn[3:, 1]).all(), "what was not matched is not observed"
    again = observable(term, np.full((2, 2), 0.5), rng(), draws=50)
    assert np.array_equal(again, observable(term, np.full((2, 2), 0.5), rng(), draws=50)), "by the generator alone"
    assert again[:, 1].mean() == pytest.approx(500, abs=10)


@pytest.mark.parametrize("term", [term_of(specs.LogLoss(), np.ones(2), {}), custom_term("model.py:own", np.ones(2))])
def test_nothing_is_drawn_where_no_noise_is_supposed(term) -> None:
    assert observable(term, np.ones((3, 2)), rng(), draws=5).shape == (0, 2)
    assert in_observed_unit(term, np.ones((3, 2))).tolist() == [[1.0, 1.0]] * 3


def test_pseudo_data_keep_the_observed_rows() -> None:
    table = pa.table({"day": [1, 2, 3, 4], "cases": pa.array([10, None, 30, 40]), "n": [5, 5, 5, 5]})
    made = with_values(table, "cases", np.array([1.5, np.nan, 2.0]))
    assert made.to_pydict() == {"day": [1, 2, 3, 4], "cases": [1.5, None, None, 2.0], "n": [5, 5, 5, 5]}
    assert made.column_names == ["day", "cases", "n"]


def test_pseudo_data_are_matched_as_the_observed_ones_were() -> None:
    """Weeks of two regions, out of order and with a missing one: what is drawn lands at its own key."""
    data = {"week": [2, 1, 1, 2], "region": ["s", "n", "s", "n"], "cases": [40, 10, None, 20]}
    match = {"sum": "week", "by": ["region"]}
    made_of = plan(data, match, loss={"kind": "binomial", "n": 1000})
    days = pa.table({"week": [1, 1, 2, 2] * 2, "region": ["n"] * 4 + ["s"] * 4, "cases": [0.0] * 6 + [0.5, 0.5]})
    simulated = made_of.aligner.align({"out": days})
    assert simulated.tolist() == [1.0, 0.0, 0.0], "probabilities of (2, s), (1, n), (2, n)"
    drawn = observed_of(made_of.scorer.targets, simulated, rng())
    made = with_values(pa.table(data), "cases", drawn)
    assert made.column("cases").to_pylist() == [1000.0, 0.0, None, 0.0]
