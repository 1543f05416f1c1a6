"""Intervals from surfaces whose curvature is known."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import t

from modelops_runtime.inference.intervals import intervals
from modelops_runtime.inference.loss_family import intervals_of, loss_family_of
from modelops_runtime.inference.searched import Searched
from modelops_runtime.ledger.base import Trial
from tests.unit.inference.runs import IN_BED, Story, a_run, completed, observations

BETA = Searched(name="beta", low=0.5, high=5.0, scale="log")
GAMMA = Searched(name="gamma", low=0.1, high=1.0, scale="log")
X = Searched(name="x", low=0.0, high=10.0)
Y = Searched(name="y", low=0.0, high=10.0)


def trials_on(parameters: list[Searched], height: Any, *, count: int = 150, noise: float = 0.0, seed: int = 1):
    """Completed trials at random shares of the ranges, half of them near the middle, with losses `height(shares)`."""
    rng = np.random.default_rng(seed)
    d = len(parameters)
    shares = rng.uniform(0, 1, (count, d))
    shares[::2] = np.clip(0.5 + rng.normal(0, 0.12, shares[::2].shape), 0, 1)
    planned = []
    for number, share in enumerate(shares):
        params = {p.name: p.value(float(u)) for p, u in zip(parameters, share, strict=True)}
        planned.append(
            completed(number, params, [IN_BED] * 4, float(height(share)) + noise * rng.normal(), loss_se=noise)
        )
    rows, _ = Story(run=a_run(), trials=tuple(planned)).rows()
    return rows


def best_of(trials: list[Trial]) -> Trial:
    return min(trials, key=lambda trial: trial.loss or 0.0)


def bowl(hessian: Any, centre: Any, lowest: float = 60.0):
    h, c = np.array(hessian, dtype=float), np.array(centre, dtype=float)
    return lambda u: lowest + 0.5 * (u - c) @ h @ (u - c)


HESSIAN = [[900.0, 300.0], [300.0, 500.0]]


def test_a_likelihoods_interval_is_the_profile_of_the_known_surface():
    trials = trials_on([BETA, GAMMA], bowl(HESSIAN, [0.5, 0.6]))
    found = intervals([BETA, GAMMA], trials, best_of(trials), is_likelihood=True)
    half = 1.959964 * np.sqrt(np.diag(np.linalg.inv(np.array(HESSIAN))))
    for interval, parameter, centre, reach in zip(found.parameters, (BETA, GAMMA), (0.5, 0.6), half, strict=True):
        assert interval.reason == ""
        assert interval.low is not None
        assert interval.high is not None
        assert parameter.share(interval.low) == pytest.approx(centre - reach, abs=1e-4)
        assert parameter.share(interval.high) == pytest.approx(centre + reach, abs=1e-4)
        assert interval.estimate == pytest.approx(parameter.value(centre), rel=1e-4)
    assert (found.ridges, found.reason, found.level) == ((), "", 0.95)
    assert found.rise == pytest.approx(1.920729, abs=1e-5)


def test_another_level_gives_another_width():
    trials = trials_on([X], bowl([[400.0]], [0.5]))
    (narrow,) = intervals([X], trials, best_of(trials), is_likelihood=True, level=0.6827).parameters
    assert narrow.high is not None
    assert narrow.high == pytest.approx(5 + 10 / math.sqrt(400), abs=0.01)


def test_noise_changes_an_interval_little():
    quiet = trials_on([BETA, GAMMA], bowl(HESSIAN, [0.5, 0.6]))
    loud = trials_on([BETA, GAMMA], bowl(HESSIAN, [0.5, 0.6]), noise=1.0)
    a = intervals([BETA, GAMMA], quiet, best_of(quiet), is_likelihood=True).of("beta")
    b = intervals([BETA, GAMMA], loud, best_of(loud), is_likelihood=True).of("beta")
    assert a is not None
    assert b is not None
    assert BETA.share(b.estimate or 0.0) == pytest.approx(0.5, abs=0.02)
    width_a, width_b = (BETA.share(i.high or 0.0) - BETA.share(i.low or 0.0) for i in (a, b))
    assert 0.8 * width_a < width_b < 1.6 * width_a


def test_luck_does_not_choose_the_trials_that_count():
    """The lowest of many noisy losses lies far off; the estimate does not follow it."""
    trials = trials_on([X], bowl([[300.0]], [0.5]))
    off = min(trials, key=lambda trial: abs(float((trial.params or {})["x"]) - 3.2))
    lucky = [replace(trial, loss=50.0) if trial is off else trial for trial in trials]
    assert best_of(lucky).number == off.number
    (interval,) = intervals([X], lucky, best_of(lucky), is_likelihood=True).parameters
    assert interval.estimate == pytest.approx(5.0, abs=0.1)


def test_a_squared_distance_is_scaled_by_its_residuals():
    trials = trials_on([X], bowl([[8_000.0]], [0.5], lowest=100.0))
    (interval,) = intervals([X], trials, best_of(trials), is_likelihood=False, observations=14).parameters
    rise = 100.0 * t.ppf(0.975, 13) ** 2 / 13  # Bates and Watts: J (1 + t^2 / (N - p))
    assert interval.high == pytest.approx(5 + 10 * math.sqrt(2 * rise / 8_000), abs=0.01)
    assert interval.low == pytest.approx(5 - 10 * math.sqrt(2 * rise / 8_000), abs=0.01)


def test_an_absolute_distance_is_scaled_by_its_mean_residual():
    trials = trials_on([X], bowl([[200.0]], [0.5], lowest=4.0))
    found = intervals([X], trials, best_of(trials), is_likelihood=False, observations=20, distance="absolute")
    assert found.rise == pytest.approx(1.920729 * 4 / 20, rel=0.01)
    assert found.method.startswith("mean absolute residual")


def test_a_ridge_is_named_by_what_it_leaves_fixed():
    sharp = np.outer([1.0, -1.0], [1.0, -1.0]) * 1_500
    trials = trials_on([BETA, GAMMA], bowl(sharp, [0.5, 0.5]), noise=0.3)
    found = intervals([BETA, GAMMA], trials, best_of(trials), is_likelihood=True)
    (ridge,) = found.ridges
    assert (ridge.names, ridge.fixed) == (("beta", "gamma"), "beta / gamma")
    assert ridge.value == pytest.approx(5.0, rel=0.1)
    assert ridge.says.startswith("The data fix beta / gamma (about ")
    assert "but not beta and gamma apart" in ridge.says
    for interval in found.parameters:
        assert interval.low is None or interval.low_open or interval.high_open


@pytest.mark.parametrize(
    ("direction", "fixed"), [((1.0, 1.0), "x + 1 × y"), ((1.0, -1.0), "x − 1 × y"), ((2.0, 1.0), "x + 0.5 × y")]
)
def test_a_ridge_between_parameters_of_any_sign_is_a_sum(direction, fixed):
    a, b = (Searched(name=name, low=-5.0, high=5.0) for name in "xy")
    sharp = np.outer(direction, direction) * 800
    trials = trials_on([a, b], bowl(sharp, [0.5, 0.5]))
    (ridge,) = intervals([a, b], trials, best_of(trials), is_likelihood=True).ridges
    assert ridge.fixed == fixed


@pytest.mark.parametrize("low", [0.0, 0.5, 1.0])
def test_a_product_is_recognised_on_linear_scales(low):
    a, b = (Searched(name=name, low=low, high=4.0) for name in "ab")
    trials = trials_on(
        [a, b], lambda u: 50 + 300 * math.log(max(a.value(u[0]) * b.value(u[1]), 1e-9) / 4) ** 2, noise=0.5
    )
    (ridge,) = intervals([a, b], trials, best_of(trials), is_likelihood=True).ridges
    assert ridge.fixed == "a × b"
    assert ridge.value == pytest.approx(4.0, rel=0.1)


def test_a_parameter_of_which_the_data_say_nothing_is_no_ridge():
    trials = trials_on([X, Y], bowl([[900.0, 0.0], [0.0, 0.0]], [0.5, 0.5]), noise=0.2)
    found = intervals([X, Y], trials, best_of(trials), is_likelihood=True)
    x, y = found.parameters
    assert x.low is not None
    assert found.ridges == ()
    assert (y.low, y.high, y.reason) == (None, None, "any value of its range fits about as well")


def test_three_that_make_up_for_each_other_are_named_together():
    names = [Searched(name=name, low=1.0, high=9.0, scale="log") for name in "abc"]
    flat = np.ones(3) / math.sqrt(3)
    trials = trials_on(names, bowl(2_000 * (np.eye(3) - np.outer(flat, flat)), [0.5] * 3), count=300)
    (ridge,) = intervals(names, trials, best_of(trials), is_likelihood=True).ridges
    assert ridge.says.startswith("The data do not tell a, b and c apart")


def test_a_minimum_beyond_the_bound_gives_an_interval_that_is_open_there():
    trials = trials_on([X], bowl([[300.0]], [1.05]), count=200)
    (interval,) = intervals([X], trials, best_of(trials), is_likelihood=True).parameters
    assert interval.high_open
    assert interval.high == 10.0
    assert not interval.low_open
    assert interval.low is not None
    assert interval.low > 8


def test_a_best_set_on_its_bound_leaves_the_other_parameter_its_interval():
    """Trials crowd at the bound, so the curvature towards it is unknown; that of the other parameter is not."""
    rng = np.random.default_rng(2)
    trials = trials_on([X, Y], bowl([[300.0, 0.0], [0.0, 60.0]], [0.5, 1.6]), count=200)
    crowded: list[Trial] = []
    for trial in trials:
        params = {**(trial.params or {}), "y": 10.0 - 0.4 * abs(float(rng.normal()))}
        u = np.array([X.share(float(params["x"])), Y.share(params["y"])])
        loss = float(bowl([[300.0, 0.0], [0.0, 60.0]], [0.5, 1.6])(u)) + 0.7 * float(rng.normal())
        crowded.append(replace(trial, params=params, loss=loss))
    x, y = intervals([X, Y], crowded, best_of(crowded), is_likelihood=True).parameters
    assert x.low is not None
    assert x.high is not None
    assert x.low == pytest.approx(5 - 19.6 / math.sqrt(300), abs=0.25)
    assert x.high == pytest.approx(5 + 19.6 / math.sqrt(300), abs=0.25)
    assert y.high_open or y.low is None


def test_a_products_intervals_are_those_of_logarithmic_scales():
    """On linear scales the valley of a x b is bent, and its tangent names another combination."""
    a, b = (Searched(name=name, low=0.5, high=8.0) for name in "ab")
    trials = trials_on(
        [a, b], lambda u: 50 + 100 * math.log(a.value(u[0]) * b.value(u[1]) / 18) ** 2, noise=0.5, count=300
    )
    found = intervals([a, b], trials, best_of(trials), is_likelihood=True)
    assert {axis.scale for axis in found.axes} == {"log"}
    assert found.ridges[0].fixed == "a × b"
    for interval in found.parameters:
        assert interval.low is None or interval.low_open or interval.high_open


def test_whole_numbers_have_whole_ends():
    delay = Searched(name="delay", low=0.0, high=10.0, whole=True)
    trials = trials_on([delay], bowl([[300.0]], [0.5]))
    (interval,) = intervals([delay], trials, best_of(trials), is_likelihood=True).parameters
    assert (interval.low, interval.estimate, interval.high) == (4.0, 5.0, 6.0)


def test_choices_are_held_at_the_best():
    kind = Searched(name="kind", choices=("a", "b"))
    trials = trials_on([X], bowl([[300.0]], [0.5]), count=200)
    mixed: list[Trial] = []
    for trial in trials:
        other = trial.number % 4 == 3
        params = {**(trial.params or {}), "kind": "b" if other else "a"}
        mixed.append(replace(trial, params=params, loss=(trial.loss or 0.0) + 7 * other))
    found = intervals([X, kind], mixed, best_of(mixed), is_likelihood=True)
    assert [interval.name for interval in found.parameters] == ["x"]
    assert found.parameters[0].high == pytest.approx(5 + 19.6 / math.sqrt(300), abs=0.02)


def refused(trials: list[Trial], parameters: list[Searched], **given: Any) -> str:
    found = intervals(parameters, trials, best_of(trials), **{"is_likelihood": True, **given})
    assert all(interval.low is None and interval.reason for interval in found.parameters)
    return found.reason


def test_too_few_trials_near_the_best_are_refused_with_their_number():
    few = trials_on([X, Y], bowl(HESSIAN, [0.5, 0.5]), count=12)
    assert refused(few, [X, Y]) == ("there are only 12 completed trials: a surface over 2 parameters needs 20")
    sharp = trials_on([X, Y], bowl([[5e6, 0], [0, 5e6]], [0.5, 0.5]), count=60)
    assert refused(sharp, [X, Y]).startswith("too few of the 60 completed trials lie near the best")


def test_a_surface_that_is_no_valley_is_refused():
    saddle = trials_on([X, Y], bowl([[60.0, 0.0], [0.0, -60.0]], [0.5, 0.5]), count=200)
    assert "is no valley" in refused(saddle, [X, Y])


def test_noise_above_the_rise_is_refused():
    flat = trials_on([X, Y], bowl([[1.0, 0.0], [0.0, 1.0]], [0.5, 0.5]), noise=2.0)
    assert refused(flat, [X, Y]) in (
        "the trials near the best do not tell how steeply the loss rises from there, for the noise of their losses",
        "near the best, the loss falls off to both sides in some direction: the surface there is no valley",
    )


def test_distances_without_residuals_or_with_few_observations_are_refused():
    exact = trials_on([X], lambda u: max(0.0, bowl([[300.0]], [0.5], lowest=-2.0)(u)))
    assert refused(exact, [X], is_likelihood=False, observations=14).startswith("the best set fits almost exactly")
    trials = trials_on([X], bowl([[300.0]], [0.5]))
    assert refused(trials, [X], is_likelihood=False, observations=2).startswith("2 observations for 1 parameter")


def test_nothing_to_go_by_is_said():
    assert intervals([X], [], None, is_likelihood=True).reason == "no trial has completed with all its replicates"
    choice = Searched(name="kind", choices=("a", "b"))
    trials = trials_on([X], bowl([[300.0]], [0.5]))
    assert intervals([choice], trials, best_of(trials), is_likelihood=True).reason == "no number is searched"


def test_as_json_is_strict_and_has_the_sentences():
    sharp = np.outer([1.0, -1.0], [1.0, -1.0]) * 1_500
    trials = trials_on([BETA, GAMMA], bowl(sharp, [0.5, 0.5]), noise=0.3)
    record = intervals([BETA, GAMMA], trials, best_of(trials), is_likelihood=True).as_json()
    read = json.loads(json.dumps(record, allow_nan=False))
    assert read["level"] == 0.95
    assert [part["name"] for part in read["parameters"]] == ["beta", "gamma"]
    assert "beta / gamma" in read["ridges"][0]["says"]


@pytest.mark.parametrize(
    ("losses", "is_likelihood", "distance", "reason"),
    [
        (["negative_binomial"], True, "squared", ""),
        (["poisson", "normal"], True, "squared", ""),
        (["mean_signal", "log"], False, "squared", ""),
        (["absolute"], False, "absolute", ""),
        (["absolute", "relative"], False, "squared", "squared and absolute distances are added up"),
        (["loss.py:mine"], False, "squared", "nothing is known of how the loss loss.py:mine grows"),
        ([], False, "squared", "the run was recorded without its observations"),
    ],
)
def test_the_kind_of_loss_is_read_back_from_the_run(losses, is_likelihood, distance, reason):
    parts = {f"t{i}": observations([1.0, 2.0], {"day": [0, 1]}, 2 * i, loss=loss) for i, loss in enumerate(losses)}
    found = loss_family_of(a_run(observations=parts))
    assert (found.is_likelihood, found.distance, found.observations) == (is_likelihood, distance, 2 * len(losses))
    assert found.reason.startswith(reason)
    assert bool(found.reason) == bool(reason)


def test_a_loss_of_ones_own_gets_no_interval():
    run = a_run(observations={"t": observations(IN_BED, {"day": range(14)}, loss="loss.py:mine")})
    found = intervals_of(run, trials_on([BETA, GAMMA], bowl(HESSIAN, [0.5, 0.5])))
    assert found.reason.startswith("nothing is known of how the loss")
    assert {interval.reason for interval in found.parameters} == {found.reason}


def test_intervals_of_a_line_hold_the_truth_about_as_often_as_they_say():
    """Forty data sets with the loss's own normal noise; 95 % of 80 is 76, and 70 or fewer would be a 0.5 % event."""
    slope, height = Searched(name="slope", low=0.0, high=5.0), Searched(name="height", low=-5.0, high=8.0)
    rng, t_axis = np.random.default_rng(12), np.arange(12)
    held = 0
    for repeat in range(40):
        truth = {"slope": float(rng.uniform(1, 4)), "height": float(rng.uniform(-2, 4))}
        y = truth["slope"] * t_axis + truth["height"] + rng.normal(0, 1, 12)
        where = np.array([slope.share(truth["slope"]), height.share(truth["height"])])
        params = np.clip(where + rng.normal(0, [0.06, 0.12], (150, 2)), 0, 1)
        rows = [{"slope": slope.value(float(u)), "height": height.value(float(v))} for u, v in params]
        losses = [0.5 * ((y - row["slope"] * t_axis - row["height"]) ** 2).sum() + 0.3 * rng.normal() for row in rows]
        planned = tuple(completed(n, row, [], float(losses[n])) for n, row in enumerate(rows))
        trials, _ = Story(run=a_run(), trials=planned).rows()
        found = intervals([slope, height], trials, best_of(trials), is_likelihood=True)
        assert found.reason == "", repeat
        for interval in found.parameters:
            held += interval.low is not None and interval.low <= truth[interval.name] <= (interval.high or -math.inf)
    assert 71 <= held <= 80
