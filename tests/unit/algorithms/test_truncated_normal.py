"""Masses and quantiles of the truncated normal agree with SciPy's, in the middle and far out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_ndtr as scipys_log_ndtr
from scipy.stats import norm, truncnorm

from modelops_runtime.algorithms.truncated_normal import log_mass, log_ndtr, quantile

LIMITS = np.array([(-3.0, 3.0), (-60.0, 40.0), (0.0, 5.0), (-5.0, 0.0), (-1e-3, 1e-3), (8.0, 9.0), (-31.0, -30.0)])


def test_the_logarithm_of_the_distribution_is_right_everywhere():
    a = np.linspace(-60, 9, 500)
    assert log_ndtr(a) == pytest.approx(scipys_log_ndtr(a), rel=1e-12)


def test_the_mass_between_two_limits_is_right():
    a, b = LIMITS.T
    middle = 0.5 * (a + b)
    assert log_mass(a, b) == pytest.approx(norm.logpdf(middle) - truncnorm.logpdf(middle, a, b), rel=1e-9)


@pytest.mark.parametrize("q", [0.0, 1e-9, 0.3, 0.999])
def test_the_quantile_is_right_and_between_the_limits(q):
    a, b = LIMITS.T
    found = quantile(np.full_like(a, q), a, b)
    assert found == pytest.approx(truncnorm.ppf(q, a, b), rel=1e-6, abs=1e-9)
    assert ((a <= found) & (found <= b)).all()
