"""Priors of parameters: their density, and values drawn from them.

Normal, lognormal, gamma, exponential and beta distributions are those of Johnson, Kotz and Balakrishnan, Continuous Univariate
Distributions 1 (1994), 13.1, 14.1, 17.1 and 19.1, and 2 (1995), 25.1. They are truncated to the range [l, h]: density
p(x) / (F(h) - F(l)), and values by inversion, F^-1(F(l) + u (F(h) - F(l))) (Devroye, Non-Uniform Random Variate Generation,
1986, 2.1), from the tail in which the range lies, so that a range far out is not rounded to nothing. A whole number has the
mass from half a step below to half a step above.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from modelops_runtime.contracts.parameters import Scalar, UniqueParameterSet
from modelops_runtime.contracts.priors import Prior
from modelops_runtime.contracts.space import ChoiceParameter, IntegerParameter, Parameter, ParameterSpace, RealParameter

LEAST_MASS = 1e-6
"""The least share of a prior that its range must hold: less is a slip in one of the two."""

Function = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class _Distribution:
    below: Function
    """P(X <= x)."""
    above: Function
    """P(X > x)."""
    of_below: Function
    """The x with that P(X <= x)."""
    of_above: Function
    """The x with that P(X > x)."""
    log_density: Function


def mass_in(prior: Prior, low: float, high: float) -> float:
    """The share of a prior that lies in [low, high]."""
    of = _distribution(prior)
    if of.below(low) <= 0.5:
        return max(0.0, of.below(high) - of.below(low))
    return max(0.0, of.above(low) - of.above(high))


def log_density(parameter: Parameter, value: Scalar) -> float:
    """The log of a parameter's prior at a value: a density in its own unit, a probability for whole numbers and choices.

    -inf outside its range. Without a prior it is uniform on the parameter's scale.
    """
    if not parameter.contains(value):
        return -math.inf
    prior = _prior_of(parameter)
    if prior is None or isinstance(parameter, ChoiceParameter):
        return _uniform_log_density(parameter, value)
    whole = math.log(mass_in(prior, *support(parameter)))
    x = float(value)
    if isinstance(parameter, RealParameter):
        return _distribution(prior).log_density(x) - whole
    mass = mass_in(prior, x - parameter.step / 2, x + parameter.step / 2)
    return math.log(mass) - whole if mass > 0 else -math.inf


def quantile(parameter: Parameter, u: float) -> Scalar:
    """The value below which a share `u` of the parameter's prior lies; the coordinate's own value where it has none."""
    prior = _prior_of(parameter)
    if prior is None or isinstance(parameter, ChoiceParameter):
        return parameter.from_unit(u)
    x = _quantile(prior, u, *support(parameter))
    if isinstance(parameter, RealParameter):
        return x
    index = math.floor((x - parameter.low) / parameter.step + 0.5)
    return parameter.low + parameter.step * min(max(index, 0), parameter.count - 1)


def set_at(space: ParameterSpace, point: Sequence[float]) -> UniqueParameterSet:
    """The parameter set whose values are the quantiles of the priors at a point of the unit cube [parameters]."""
    return UniqueParameterSet.of({p.name: quantile(p, float(u)) for p, u in zip(space.parameters, point, strict=True)})


def draw(space: ParameterSpace, rng: np.random.Generator) -> UniqueParameterSet:
    """One parameter set from the priors, which are independent."""
    return set_at(space, rng.random(len(space.parameters)).tolist())


def support(parameter: RealParameter | IntegerParameter) -> tuple[float, float]:
    """The range to which a prior is truncated."""
    if isinstance(parameter, RealParameter):
        return parameter.low, parameter.high
    half = parameter.step / 2
    return parameter.low - half, parameter.low + parameter.step * (parameter.count - 1) + half


def _prior_of(parameter: Parameter) -> Prior | None:
    return None if isinstance(parameter, ChoiceParameter) else parameter.prior


def _quantile(prior: Prior, u: float, low: float, high: float) -> float:
    of = _distribution(prior)
    far = of.below(low) > 0.5
    tail, inverse = (of.above, of.of_above) if far else (of.below, of.of_below)
    x = inverse(tail(low) + u * (tail(high) - tail(low)))
    if math.isnan(x):  # the inverse of beta, for shares near the least number above 0
        return low if u < 0.5 else high
    return min(max(x, low), high)


def _uniform_log_density(parameter: Parameter, value: Scalar) -> float:
    if isinstance(parameter, ChoiceParameter):
        return -math.log(parameter.count)
    x = float(value)
    if isinstance(parameter, IntegerParameter):
        if parameter.scale == "linear":
            return -math.log(parameter.count)
        return math.log(math.log1p(1 / x) / math.log((parameter.high + 1) / parameter.low))
    low, high = parameter.low, parameter.high
    if parameter.scale == "log":
        return -math.log(x) - math.log(math.log(high / low))
    if parameter.scale == "logit":
        span = math.log(high / low) + math.log1p(-low) - math.log1p(-high)
        return -math.log(x) - math.log1p(-x) - math.log(span)
    return -math.log(high - low)


def _distribution(prior: Prior) -> _Distribution:
    return _KINDS[prior.kind](*prior.numbers)


def _normal(mean: float, sd: float) -> _Distribution:
    from scipy.special import ndtr, ndtri

    def log_density(x: float) -> float:
        return -0.5 * ((x - mean) / sd) ** 2 - math.log(sd) - 0.5 * math.log(2 * math.pi)

    return _Distribution(
        lambda x: float(ndtr((x - mean) / sd)),
        lambda x: float(ndtr((mean - x) / sd)),
        lambda p: mean + sd * float(ndtri(p)),
        lambda p: mean - sd * float(ndtri(p)),
        log_density,
    )


def _lognormal(median: float, sdlog: float) -> _Distribution:
    """log x is normal with mean log(median) and standard deviation `sdlog`."""
    log = _normal(math.log(median), sdlog)
    return _Distribution(
        lambda x: log.below(math.log(x)) if x > 0 else 0.0,
        lambda x: log.above(math.log(x)) if x > 0 else 1.0,
        lambda p: math.exp(log.of_below(p)),
        lambda p: math.exp(log.of_above(p)),
        lambda x: log.log_density(math.log(x)) - math.log(x) if x > 0 else -math.inf,
    )


def _gamma(shape: float, rate: float) -> _Distribution:
    """Density proportional to x^(shape - 1) exp(-rate x): mean shape / rate."""
    from scipy.special import gammainc, gammaincc, gammainccinv, gammaincinv, xlogy

    def log_density(x: float) -> float:
        if x < 0 or (x == 0 and shape < 1):
            return -math.inf if x < 0 else math.inf
        return shape * math.log(rate) - math.lgamma(shape) + float(xlogy(shape - 1, x)) - rate * x

    return _Distribution(
        lambda x: float(gammainc(shape, rate * max(x, 0.0))),
        lambda x: float(gammaincc(shape, rate * max(x, 0.0))),
        lambda p: float(gammaincinv(shape, p)) / rate,
        lambda p: float(gammainccinv(shape, p)) / rate,
        log_density,
    )


def _exponential(rate: float) -> _Distribution:
    return _gamma(1.0, rate)


def _beta(a: float, b: float) -> _Distribution:
    from scipy.special import betainc, betaincc, betainccinv, betaincinv, betaln, xlog1py, xlogy

    def held(x: float) -> float:
        return min(max(x, 0.0), 1.0)

    def log_density(x: float) -> float:
        if not 0 <= x <= 1:
            return -math.inf
        return float(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))

    return _Distribution(
        lambda x: float(betainc(a, b, held(x))),
        lambda x: float(betaincc(a, b, held(x))),
        lambda p: float(betaincinv(a, b, p)),
        lambda p: float(betainccinv(a, b, p)),
        log_density,
    )


_KINDS: dict[str, Callable[..., _Distribution]] = {
    "normal": _normal,
    "lognormal": _lognormal,
    "gamma": _gamma,
    "exponential": _exponential,
    "beta": _beta,
}
