"""Masses and quantiles of the truncated standard normal, bit for bit those of Optuna, without its loops.

The formulas are those of `optuna.samplers._tpe._truncnorm` (MIT; itself after SciPy's, BSD-3-Clause): logarithms of
masses in the lower tail, mirrored for the upper one. What is written differently gives the same numbers: `erf`, `erfc`
and `log` come from the C library, as there, since `scipy.special` rounds some of them differently and another last bit
is another proposal.
"""

from __future__ import annotations

import math
import sys
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ROOT_2 = 2**0.5
_LOG_ROOT_2_PI = math.log(math.sqrt(2 * math.pi))
_LOGISTIC = math.sqrt(3) / math.pi
"""The logistic distribution of this scale is near the normal: where Newton's method starts."""
_MANY = 2000
"""Optuna computes `erf` by polynomials from this many values on."""


def log_mass(a: Array, b: Array) -> Array:
    """log(P(a < X < b)), element by element; both of one shape, a < b."""
    left, right = b <= 0, a > 0
    middle = ~(left | right)
    if middle.all():
        return _log_mass_around_zero(a, b)
    mass = np.empty_like(a)
    if left.any():
        mass[left] = _log_difference(log_ndtr(b[left]), log_ndtr(a[left]))
    if right.any():
        mass[right] = _log_difference(log_ndtr(-a[right]), log_ndtr(-b[right]))
    if middle.any():
        mass[middle] = _log_mass_around_zero(a[middle], b[middle])
    return mass


def quantile(q: Array, a: Array, b: Array) -> Array:
    """Where the share `q` of the mass between `a` and `b` lies below; all of one shape."""
    left = a < 0
    mass = log_mass(a, b)
    out = np.empty_like(q)
    if left.any():
        with np.errstate(divide="ignore"):
            log_share = np.log(q[left])
        out[left] = _ndtri_exp(np.logaddexp(log_ndtr(a[left]), log_share + mass[left]))
    if not left.all():
        right = ~left
        out[right] = -_ndtri_exp(np.logaddexp(log_ndtr(-b[right]), np.log1p(-q[right]) + mass[right]))
    out[q == 0] = a[q == 0]
    return out


def log_ndtr(a: Array) -> Array:
    """log(P(X < a)); of one dimension."""
    far = (a <= -20) | (a > 6)
    if far.any():
        logs = np.empty_like(a)
        logs[far] = [_log_ndtr_far_out(x) for x in a[far].tolist()]
        logs[~far] = _log_ndtr_near(a[~far])
        return logs
    return _log_ndtr_near(a)


def _log_ndtr_near(a: Array) -> Array:
    """Of a in (-20, 6]."""
    low, high = -1 / _ROOT_2, 1 / _ROOT_2
    erf, erfc, log = math.erf, math.erfc, math.log
    return np.array(
        [
            log(0.5 * erfc(-x) if x < low else 0.5 + 0.5 * erf(x) if x < high else 1.0 - 0.5 * erfc(x))
            for x in (a / _ROOT_2).tolist()
        ]
    )


@lru_cache(4096)  # the kernels near the best trials are the same from ask to ask
def _log_ndtr_far_out(a: float) -> float:
    """Of one a: above 6, or at most -20, where the asymptotic series (Abramowitz and Stegun, 26.2.12) holds."""
    if a > 6:
        return -0.5 * math.erfc(a / _ROOT_2)
    last, total, numerator, power, sign, i = 0.0, 1.0, 1.0, 1.0, 1, 0
    inverse_square = 1 / a**2
    while abs(last - total) > sys.float_info.epsilon:
        i += 1
        last, sign = total, -sign
        power *= inverse_square
        numerator *= 2 * i - 1
        total += sign * numerator * power
    return -0.5 * a**2 - math.log(-a) - 0.5 * math.log(2 * math.pi) + math.log(total)


def _log_difference(log_p: Array, log_q: Array) -> Array:
    return log_p + np.log1p(-np.exp(log_q - log_p))


def _log_mass_around_zero(a: Array, b: Array) -> Array:
    return np.log1p(-_ndtr(a) - _ndtr(-b))


def _ndtr(a: Array) -> Array:
    return 0.5 + 0.5 * _erf(a / _ROOT_2)


def _erf(x: Array) -> Array:
    if x.size >= _MANY:
        from optuna.samplers._tpe._erf import erf

        return erf(x)
    out = np.sign(x)  # exact from 6 on, where most limits of narrow kernels lie
    near = np.abs(x) < 6
    out[near] = np.fromiter(map(math.erf, x[near].tolist()), float)
    return out


def _ndtri_exp(y: Array) -> Array:
    """x with log(P(X < x)) = y, by Newton's method on all elements until all are there."""
    near_one = y > -1e-2
    z = y.copy()
    z[near_one] = np.log(-np.expm1(y[near_one]))  # the mirror image, which is more precise
    x = np.empty_like(y)
    tail = z < -5
    x[tail] = -np.sqrt(-2.0 * (z[tail] + _LOG_ROOT_2_PI))
    x[~tail] = -_LOGISTIC * np.log(np.expm1(-z[~tail]))
    for _ in range(100):
        log_cdf = log_ndtr(x)
        step = (log_cdf - z) * np.exp(log_cdf - (-0.5 * x**2 - _LOG_ROOT_2_PI))
        x -= step
        if np.all(np.abs(step) < 1e-8 * np.abs(x)):
            break
    x[near_one] *= -1
    return x
