"""A direction that does not rise stays flat, however steep the others are."""

from __future__ import annotations

import numpy as np
import pytest

from modelops_runtime.statistics.quadratic import FLAT, Quadratic, fit_quadratic, lowest_point

STEEP = 1e6


def ridge(points: np.ndarray) -> np.ndarray:
    """-log p that two parameters fix by their sum alone, to a thousandth of their ranges."""
    return 60.0 + 0.5 * STEEP * (points.sum(axis=1) - 1) ** 2


def along_the_ridge() -> Quadratic:
    rng = np.random.default_rng(3)
    first = rng.uniform(0, 1, 200)
    points = np.stack([first, 1 - first + rng.normal(0, 0.003, 200)], axis=1)
    found = fit_quadratic(points, ridge(points), np.full(200, 4.0), np.array([0.5, 0.5]))
    assert found is not None
    return found


def test_a_steep_direction_does_not_make_a_flat_one_rise() -> None:
    """A floor of a ten thousandth of the steepest curvature, as there once was, made 1.92 within a seventh of the range."""
    convex = along_the_ridge().convex()
    flat, steep = np.linalg.eigvalsh(convex.hessian)
    assert steep == pytest.approx(2 * STEEP, rel=1e-3)
    assert 0 < flat <= 1.1 * FLAT
    for end in (0.0, 1.0):
        at = lowest_point(convex, {0: end})
        assert at == pytest.approx([end, 1 - end], abs=1e-3)
        assert float(convex.at(at[None, :])[0]) < 60.0 + 0.02
