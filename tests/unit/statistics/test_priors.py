"""Priors against scipy.stats, and against themselves: density, draws and inverse belong together."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.priors import Prior
from modelops_runtime.contracts.space import ChoiceParameter, IntegerParameter, Parameter, ParameterSpace, RealParameter
from modelops_runtime.statistics.priors import LEAST_MASS, draw, log_density, mass_in, quantile, set_at
from tests.strategies import is_inside, parameters, unit

PRIORS = {
    "normal": (Prior("normal", (1.0, 0.5)), stats.norm(1.0, 0.5)),
    "lognormal": (Prior("lognormal", (1.5, 0.4)), stats.lognorm(0.4, scale=1.5)),
    "beta": (Prior("beta", (2.0, 5.0)), stats.beta(2.0, 5.0)),
    "gamma": (Prior("gamma", (2.5, 1.5)), stats.gamma(2.5, scale=1 / 1.5)),
    "exponential": (Prior("exponential", (0.8,)), stats.expon(scale=1 / 0.8)),
}
kinds = pytest.mark.parametrize("kind", PRIORS)


def real(prior: Prior | None, low: float = 0.1, high: float = 0.9, **more) -> RealParameter:
    return RealParameter(name="x", low=low, high=high, prior=prior, **more)


def number(value: Scalar) -> float:
    assert isinstance(value, float)
    return value


@kinds
@pytest.mark.parametrize(("low", "high"), [(0.1, 0.9), (0.01, 0.02), (0.55, 0.99)])
def test_density_and_quantiles_are_those_of_the_truncated_distribution(kind, low, high):
    prior, known = PRIORS[kind]
    parameter, share = real(prior, low, high), known.cdf(high) - known.cdf(low)
    assert mass_in(prior, low, high) == pytest.approx(share, rel=1e-9)
    for x in np.linspace(low, high, 7):
        assert log_density(parameter, float(x)) == pytest.approx(known.logpdf(x) - math.log(share), rel=1e-9, abs=1e-12)
    for u in (0.001, 0.3, 0.9):
        x = number(quantile(parameter, u))
        assert (known.cdf(x) - known.cdf(low)) / share == pytest.approx(u, abs=1e-9)
    assert (quantile(parameter, 0.0), quantile(parameter, 1.0)) == (pytest.approx(low), pytest.approx(high))


@kinds
def test_draws_have_the_distribution_of_the_density(kind):
    prior, known = PRIORS[kind]
    rng = np.random.default_rng(7)
    drawn = [number(draw(ParameterSpace((real(prior),)), rng).params["x"]) for _ in range(2_000)]
    low, high = known.cdf(0.1), known.cdf(0.9)
    assert stats.kstest(drawn, lambda x: (known.cdf(x) - low) / (high - low)).pvalue > 0.001


def test_a_range_far_in_the_upper_tail_is_not_rounded_away():
    parameter = real(Prior("normal", (0.0, 1.0)), 9.0, 12.0)
    assert 9.0 < number(quantile(parameter, 0.5)) < 9.2
    assert quad(lambda x: math.exp(log_density(parameter, x)), 9, 12)[0] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("scale", "low", "high"), [("linear", -2.0, 3.0), ("log", 0.1, 50.0), ("logit", 0.01, 0.97)])
def test_without_a_prior_it_is_uniform_on_the_scale(scale, low, high):
    parameter = real(None, low, high, scale=scale)
    assert quad(lambda x: math.exp(log_density(parameter, x)), low, high)[0] == pytest.approx(1, abs=1e-6)
    middle = quad(lambda x: math.exp(log_density(parameter, x)), low, parameter.middle())[0]
    assert middle == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("prior", [None, *(prior for prior, _ in PRIORS.values())], ids=str)
@pytest.mark.parametrize(("low", "high", "step"), [(0, 3, 1), (1, 40, 1), (0, 10, 4)])
def test_whole_numbers_have_probabilities_that_add_up_to_one(prior, low, high, step):
    parameter = IntegerParameter(name="n", low=low, high=high, step=step, prior=prior)
    values = range(low, high + 1, step)
    assert sum(math.exp(log_density(parameter, value)) for value in values) == pytest.approx(1)
    cells = np.array([quantile(parameter, u) for u in (np.arange(4_000) + 0.5) / 4_000])
    for value in values:
        assert (cells == value).mean() == pytest.approx(math.exp(log_density(parameter, value)), abs=1e-3)


def test_whole_numbers_on_a_log_scale_have_the_probabilities_of_their_cells():
    parameter = IntegerParameter(name="n", low=2, high=30, scale="log")
    assert sum(math.exp(log_density(parameter, value)) for value in range(2, 31)) == pytest.approx(1)


@given(parameters(), unit)
def test_without_a_prior_a_coordinate_means_what_it_means_to_a_search(parameter: Parameter, u: float):
    assert quantile(parameter, u) == parameter.from_unit(u)


@st.composite
def with_priors(draw: st.DrawFn) -> RealParameter | IntegerParameter:
    prior, _ = PRIORS[draw(st.sampled_from(sorted(PRIORS)))]
    if draw(st.booleans()):
        low = draw(st.integers(0, 4))
        return IntegerParameter(
            name="x", low=low, high=low + draw(st.integers(1, 9)), step=draw(st.integers(1, 3)), prior=prior
        )
    low = draw(st.floats(-3, 2))
    return real(prior, low, low + draw(st.floats(0.01, 5)))


@given(with_priors(), unit, unit)
def test_quantiles_rise_and_stay_within_the_range(parameter: RealParameter | IntegerParameter, u: float, v: float):
    assert parameter.prior is not None
    assume(mass_in(parameter.prior, parameter.low, parameter.high) >= LEAST_MASS)
    first, second = quantile(parameter, min(u, v)), quantile(parameter, max(u, v))
    assert is_inside(parameter, first)
    assert float(first) <= float(second)
    assert log_density(parameter, quantile(parameter, 0.1 + 0.8 * u)) > -math.inf


def test_outside_its_range_a_value_has_no_density():
    assert log_density(real(PRIORS["normal"][0]), 2.0) == -math.inf
    assert log_density(ChoiceParameter(name="c", choices=("a", "b")), "a") == pytest.approx(-math.log(2))


def test_a_set_has_each_parameter_at_its_own_coordinate():
    space = ParameterSpace((ChoiceParameter(name="c", choices=(1, 2)), real(PRIORS["beta"][0])))
    found = set_at(space, [0.9, 0.5]).params
    assert found == {"c": 2, "x": quantile(space.parameters[1], 0.5)}
