"""Designs cover the space evenly and end where they say."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from modelops_runtime.algorithms.registry import load_algorithm
from modelops_runtime.contracts.priors import Prior
from modelops_runtime.contracts.space import ChoiceParameter, IntegerParameter, ParameterSpace, RealParameter
from modelops_runtime.statistics.priors import quantile

SPACE = ParameterSpace(
    (
        ChoiceParameter(name="c", choices=("a", "b")),
        IntegerParameter(name="n", low=1, high=4, scale="log"),
        RealParameter(name="x", low=0.0, high=1.0),
    )
)


def points_of(name, options, *, seed=1, most=10_000):
    algorithm, found = load_algorithm(name, SPACE, seed, options), []
    while not algorithm.finished() and len(found) < most:
        found += [dict(asked.params) for asked in algorithm.ask(7)]
    assert algorithm.finished() == (len(found) < most)
    assert not algorithm.finished() or algorithm.ask(1) == []
    return found


def test_a_latin_hypercube_has_one_point_in_each_part_and_ends():
    found = points_of("lhs", {"points": 40})
    assert sorted(int(p["x"] * 40) for p in found) == list(range(40))
    assert Counter(p["c"] for p in found) == {"a": 20, "b": 20}


def test_scrambled_sobol_points_have_one_in_each_part_and_end():
    found = points_of("sobol", {"points": 64})
    assert sorted(int(p["x"] * 64) for p in found) == list(range(64))
    assert Counter(p["c"] for p in found) == {"a": 32, "b": 32}


def test_sobol_without_points_has_no_end():
    assert len(points_of("sobol", {}, most=140)) == 140


@pytest.mark.parametrize("name", ["sobol", "lhs", "random"])
def test_a_design_draws_from_the_priors_on_request(name):
    prior = Prior("normal", (0.2, 0.1))
    space = ParameterSpace(
        (IntegerParameter(name="n", low=1, high=4), RealParameter(name="x", low=0.0, high=1.0, prior=prior))
    )
    options = {"points": 512, "draw_from": "prior"}
    plain = load_algorithm(name, space, 3, {"points": 512})
    drawn = load_algorithm(name, space, 3, options)
    assert (plain.uses_priors, drawn.uses_priors) == (False, True)
    values = [float(asked.params["x"]) for asked in drawn.ask(512)]
    assert np.mean(values) == pytest.approx(0.205, abs=0.02)
    assert np.std(values) == pytest.approx(0.097, abs=0.01)
    as_quantiles = [quantile(space.parameters[1], float(asked.params["x"])) for asked in plain.ask(512)]
    assert values == as_quantiles


@pytest.mark.parametrize("name", ["grid", "optuna"])
def test_a_grid_has_each_combination_once_and_ends(name):
    options = {"levels": {"x": 3}} | ({"sampler": "grid"} if name == "optuna" else {})
    found = {(p["c"], p["n"], p["x"]) for p in points_of(name, options)}
    assert found == {(c, n, x) for c in "ab" for n in (1, 2, 3, 4) for x in (0.0, 0.5, 1.0)}
    assert len(points_of(name, options)) == 24


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("optuna", {"sampler": "tpee"}, "option sampler is 'tpee'; give one of tpe, cmaes, random, qmc, grid, gp"),
        ("optuna", {"n_startup": 5}, "no option 'n_startup' .did you mean 'n_startup_trials'"),
        (
            "optuna",
            {"sampler": "random", "levels": 3},
            "sampler random has no option 'levels'; its options are sampler",
        ),
        ("optuna", {"n_startup_trials": True}, "n_startup_trials is True; give an integer of at least 1"),
        ("optuna", {"multivariate": 1}, "multivariate is 1; give true or false"),
        ("optuna", {"sampler": "cmaes", "sigma0": 0}, "sigma0 is 0; give a number above 0, at most 1"),
        ("lhs", {}, "needs the option points"),
        ("sobol", {"points": 0}, "points is 0; give an integer of at least 1"),
        ("random", {"draw_from": "priors"}, "draw_from is 'priors'; give one of range, prior"),
        ("optuna", {"draw_from": "prior"}, "no option 'draw_from'"),
        ("grid", {}, "levels is missing for x"),
        ("grid", {"levels": {"y": 3}}, "levels names y; the searched parameters are c, n, x"),
    ],
)
def test_a_wrong_option_is_one_line_that_says_what_would_be_right(name, options, text):
    with pytest.raises(ValueError, match=text) as error:
        load_algorithm(name, SPACE, 1, options)
    assert "\n" not in str(error.value)
