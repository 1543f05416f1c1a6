"""Nuisance parameters of the observation: each loss is lowest over them, found on the values alone."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelops_runtime.contracts.observations import Observations
from modelops_runtime.evaluation.fit import to_bytes
from modelops_runtime.evaluation.fit_table import fit_table
from modelops_runtime.evaluation.observation_noise import in_observed_unit, observable, observed_of
from modelops_runtime.evaluation.plan import EvaluationPlan, plan_targets
from modelops_runtime.evaluation.racing import corrected_loss, judge
from modelops_runtime.evaluation.stored import stored_scorer
from modelops_runtime.specs.nuisance import NuisanceSpec, nuisance_of
from modelops_runtime.specs.targets import TargetSpec
from tests.unit.evaluation.targets import ROOT

DAYS = np.arange(30)
SHAPE = 5 + 60 * np.exp(-(((DAYS - 15) / 6) ** 2))
RNG = np.random.default_rng(5)
DATA = pa.table({"day": DAYS, "cases": RNG.poisson(RNG.gamma(6, SHAPE / 6)).astype(float), "n": np.full(30, 200)})
VALUES = SHAPE * RNG.lognormal(0, 0.05, (6, 1)) * RNG.lognormal(0, 0.02, (6, 30))

RANGES = {
    "k": {"min": 0.5, "max": 500, "scale": "log"},
    "rho": {"min": 0.01, "max": 0.99, "scale": "logit"},
    "s": {"min": 0.1, "max": 100, "scale": "log"},
    "d": {"min": 1, "max": 1000, "scale": "log"},
    "c": {"min": 0.1, "max": 10, "scale": "log"},
}
LOSSES: dict[str, dict[str, Any]] = {
    "negative_binomial": {"kind": "negative_binomial", "dispersion": {"parameter": "k"}},
    "normal": {"kind": "normal", "sigma": {"parameter": "s"}},
    "beta_binomial": {"kind": "beta_binomial", "n": "n", "dispersion": {"parameter": "d"}},
    "poisson": {"kind": "poisson", "multiply": {"parameter": "c"}},
    "mean_signal": {"kind": "mean_signal", "multiply": {"parameter": "c"}},
    "both": {"kind": "negative_binomial", "dispersion": {"parameter": "k"}, "multiply": {"parameter": "c"}},
}
losses = pytest.mark.parametrize("name", LOSSES)


def planned(*given: dict[str, Any]) -> EvaluationPlan:
    names = {value["parameter"] for loss in given for value in loss.values() if isinstance(value, dict)}
    targets = {
        f"t{at}": TargetSpec.model_validate(
            {"observed": "d.csv", "match": {"exact": "day"}, "value": "cases", "loss": loss}
        )
        for at, loss in enumerate(given)
    }
    nuisance = nuisance_of({name: NuisanceSpec.model_validate(RANGES[name]) for name in names})
    return plan_targets(targets, dict.fromkeys(targets, DATA), root=ROOT, nuisance=nuisance)


def values_for(name: str) -> np.ndarray:
    return np.clip(VALUES / 200, 0, 1) if name == "beta_binomial" else VALUES


@losses
def test_the_loss_is_the_lowest_over_a_fine_grid(name: str) -> None:
    scorer, values = planned(LOSSES[name]).scorer, values_for(name)
    score = scorer.score(values)
    for parameter in scorer.nuisance:
        for u in np.linspace(0, 1, 301):
            other = scorer.at({**score.nuisance, parameter.name: parameter.from_unit(u)}).loss(values)
            assert score.loss <= other + 1e-7
    assert score.loss == scorer.at(score.nuisance).score(values).loss


def test_of_replicates_that_differ_the_deepest_valley_is_found() -> None:
    """Each replicate of a likelihood may have a valley of its own over a factor."""
    scorer = planned(LOSSES["poisson"]).scorer
    for seed in range(10):
        rng = np.random.default_rng(seed)
        values = SHAPE * rng.lognormal(0, 0.3, (10, 1))
        score = scorer.score(values)
        (parameter,) = scorer.nuisance
        others = [scorer.at({parameter.name: parameter.from_unit(u)}).loss(values) for u in np.linspace(0, 1, 1001)]
        assert score.loss <= min(others) + 0.05


def test_it_is_where_the_formula_says() -> None:
    y, one = DATA["cases"].to_numpy(), VALUES[:1]
    assert planned(LOSSES["normal"]).scorer.score(one).nuisance["s"] == pytest.approx(
        math.sqrt(np.square(y - one[0]).mean()), rel=1e-5
    )
    assert planned(LOSSES["poisson"]).scorer.score(one).nuisance["c"] == pytest.approx(y.sum() / one.sum(), rel=1e-5)
    mean = VALUES.mean(axis=0)
    best = planned(LOSSES["mean_signal"]).scorer.score(VALUES).nuisance["c"]
    assert best == pytest.approx((y * mean).sum() / (mean * mean).sum(), rel=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.6, 400), st.floats(0.2, 5), st.integers(1, 6))
def test_no_value_of_theirs_makes_a_loss_lower(k: float, c: float, replicates: int) -> None:
    scorer, values = planned(LOSSES["both"]).scorer, VALUES[:replicates]
    assert scorer.score(values).loss <= scorer.at({"k": k, "c": c}).loss(values) + 1e-6


def test_a_number_that_two_targets_share_is_found_once_over_both() -> None:
    shared = planned(LOSSES["negative_binomial"], {**LOSSES["negative_binomial"], "multiply": 1.2}).scorer
    both = np.concatenate([VALUES, VALUES], axis=1)
    score = shared.score(both)
    assert list(score.nuisance) == ["k"]
    grid = [shared.at({"k": k}).loss(both) for k in np.geomspace(0.5, 500, 400)]
    assert score.loss == pytest.approx(min(grid), abs=1e-3)
    assert score.loss <= min(grid)


@losses
def test_the_same_values_have_the_same_loss_to_the_last_bit(name: str) -> None:
    values = values_for(name)
    first, again = (planned(LOSSES[name]).scorer.score(values) for _ in range(2))
    assert (first.loss, dict(first.nuisance)) == (again.loss, dict(again.nuisance))
    scorer = planned(LOSSES[name]).scorer
    scorer.score(values * 0.9)
    assert scorer.score(values).loss == first.loss


@losses
def test_racing_gives_both_sets_their_own(name: str) -> None:
    scorer, values = planned(LOSSES[name]).scorer, values_for(name)
    worse = np.repeat(values[:3].mean(axis=1, keepdims=True), 30, axis=1) * RNG.lognormal(0, 0.01, (3, 30))
    assert judge(values[:3], values, scorer, paired=True).keep
    assert judge(worse, values, scorer, paired=False).p_better < 0.2
    bound = scorer.at(scorer.found(worse))
    assert corrected_loss(worse, 6, scorer) == corrected_loss(worse, 6, bound)
    assert scorer.score(worse).loss > scorer.score(values[:3]).loss


@losses
def test_a_run_gives_its_scorer_and_its_draws_back(name: str) -> None:
    plan, values = planned(LOSSES[name]), values_for(name)
    kept = Observations.from_json(json.loads(json.dumps(plan.observations().as_json())))
    names = [parameter.name for parameter in plan.scorer.nuisance]
    spec = {
        "targets": {"t0": {"loss": json.loads(json.dumps(LOSSES[name]))}},
        "nuisance": {each: RANGES[each] for each in names},
    }
    again, score = stored_scorer(kept, spec), plan.scorer.score(values)
    assert again.score(values) == score
    drawn = [
        observed_of(each.at(score.nuisance).targets, values[0], np.random.default_rng(1))
        for each in (again, plan.scorer)
    ]
    assert drawn[0].tolist() == drawn[1].tolist()


def test_noise_and_units_use_what_was_found() -> None:
    scorer = planned(LOSSES["both"]).scorer
    (target,) = scorer.at({"k": 2.0, "c": 0.5}).targets
    flat = np.full((1, 30), 100.0)
    assert in_observed_unit(target.term, flat).tolist() == (flat * 0.5).tolist()
    drawn = observable(target.term, flat, np.random.default_rng(3), draws=4_000)
    assert drawn.mean() == pytest.approx(50, rel=0.02)
    assert drawn.var() == pytest.approx(50 + 50**2 / 2, rel=0.05)


def test_the_table_of_fits_has_values_as_they_are_compared() -> None:
    observations = planned(LOSSES["both"]).observations()
    rows = [(3, 0, to_bytes(VALUES[0])), (3, 2**32, to_bytes(VALUES[0])), (4, 0, to_bytes(VALUES[0]))]
    found = {(3, "search"): {"k": 1.0, "c": 0.5}, (3, "confirm"): {"k": 1.0, "c": 2.0}}
    table = fit_table(observations, rows, {"t0": {"loss": LOSSES["both"]}}, found)
    simulated = table["simulated"].to_numpy().reshape(3, 30)
    assert simulated[0].tolist() == (VALUES[0] * 0.5).tolist()
    assert simulated[1].tolist() == (VALUES[0] * 2.0).tolist()
    assert np.isnan(simulated[2]).all()


def test_a_multiplier_may_be_a_number() -> None:
    half = planned({"kind": "poisson", "multiply": 0.5}).scorer
    whole = planned({"kind": "poisson"}).scorer
    assert half.score(VALUES).loss == whole.score(VALUES * 0.5).loss


def test_the_standard_error_is_that_with_them_fixed() -> None:
    scorer = planned(LOSSES["normal"]).scorer
    score = scorer.score(VALUES)
    fixed = scorer.at(score.nuisance).score(VALUES)
    assert (score.loss_se, score.effective) == (fixed.loss_se, fixed.effective)
    assert score.diagnostics()["nuisance"] == dict(score.nuisance)
    assert "nuisance" not in fixed.diagnostics()
