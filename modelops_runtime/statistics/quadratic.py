"""A quadratic surface under noisy losses: where they are lowest, how they rise from there, and with which errors.

Losses are in units of -log p, points in the unit cube. The method is the local quadratic smoothing of Ionides, Breto, Park,
Smith and King, Monte Carlo profile confidence intervals for dynamic systems, Journal of the Royal Society Interface 14 (2017),
in all parameters at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from modelops_runtime.statistics.array import Array

REACHES = (24.0, 16.0, 12.0, 9.0, 6.0)
"""How far above the lowest point a trial may lie to count, tried from the widest to the narrowest that holds enough."""

CLEAR = 3.0
"""The reach is at least this many standard deviations of the noise, or the rise cannot be seen."""

BEYOND = 15.0
"""A loss this far above the reach is not noise but another shape, and is left out."""

HUBER = 2.5
"""Residuals beyond so many robust standard deviations count less (Huber, 1964): a log-mean-exp has a long upper tail."""

FLAT = 0.01
"""Curvature of a direction that does not rise: 0.005 in -log p over a whole range, however steep the others are."""

UNEXPLAINED = 0.25
"""Share of the noise of a search trial that more replicates do not remove (the surface is no exact quadratic)."""

ROUNDS = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quadratic:
    """loss(u) = lowest + gradient (u - origin) + (u - origin)' hessian (u - origin) / 2, from `used` points."""

    origin: Array
    constant: float
    gradient: Array
    hessian: Array
    covariance: Array
    """Of the coefficients (constant, gradient, hessian's upper triangle by rows), robust to unequal noise (HC3)."""
    used: int
    reach: float
    noise: float
    """Standard deviation of a trial's loss about the surface."""

    def at(self, points: Array) -> Array:
        """The surface's height at points [n, d]."""
        away = points - self.origin
        return self.constant + away @ self.gradient + 0.5 * np.einsum("ij,jk,ik->i", away, self.hessian, away)

    def convex(self) -> Quadratic:
        """The same, with directions that do not rise made almost flat, so that there is one lowest point in the cube."""
        values, vectors = np.linalg.eigh(self.hessian)
        floor = max(min(1e-4 * float(np.abs(values).max(initial=0.0)), FLAT), 1e-9)
        return replace(self, hessian=(vectors * np.maximum(values, floor)) @ vectors.T)

    def curvature_error(self, direction: Array) -> float:
        """The standard error of the curvature along a unit vector."""
        gradient = np.zeros(len(self.covariance))
        first, second = _pairs(len(direction))
        gradient[1 + len(direction) :] = np.where(first == second, 1.0, 2.0) * direction[first] * direction[second]
        return math.sqrt(max(float(gradient @ self.covariance @ gradient), 0.0))

    def centre_errors(self, centre: Array) -> Array:
        """Standard errors of the lowest point's coordinates for the noise of the losses alone (delta method) [d]."""
        d = len(self.origin)
        inverse = np.linalg.inv(self.hessian)
        first, second = _pairs(d)
        away = centre - self.origin
        pull = np.zeros((d, len(first)))
        pull[first, np.arange(len(first))] = away[second]
        pull[second, np.arange(len(first))] = away[first]
        jacobian = np.concatenate([np.zeros((d, 1)), np.eye(d), pull], axis=1)
        moved = -inverse @ jacobian
        return np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", moved, self.covariance, moved), 0.0))


def coefficients(d: int) -> int:
    """How many numbers a quadratic in d parameters has."""
    return (d + 1) * (d + 2) // 2


def needed(d: int) -> int:
    """Points that a surface in d parameters must rest on."""
    return 2 * coefficients(d) + 8


def fit_quadratic(points: Array, losses: Array, replicates: Array, start: Array) -> Quadratic | None:
    """The surface around the lowest losses: points [n, d] in the unit cube, losses and replicates [n], near `start` [d].

    Which points count follows from the surface and not from their own losses, so luck does not choose them. None when
    fewer than `needed` lie within the widest reach.
    """
    enough = needed(points.shape[1])
    if len(losses) < enough:
        return None
    usual = float(np.median(replicates))
    trust = 1.0 / (UNEXPLAINED + (1.0 - UNEXPLAINED) * usual / replicates)
    ordered = np.sort(losses)
    lowest = float(ordered[min(2, len(ordered) - 1)])
    first = losses <= max(lowest + REACHES[0], float(ordered[min(len(ordered) - 1, enough + 5)]))
    begun = _solve(points, losses, trust * first, start, REACHES[0])
    found = None
    for reach in REACHES:
        better = _settled(begun, points, losses, trust * (losses < lowest + reach + BEYOND), enough, reach)
        if better is None or (found is not None and reach < CLEAR * better.noise):
            break
        begun = found = better
    return found


def lowest_point(surface: Quadratic, held: dict[int, float] | None = None) -> Array:
    """Where a convex surface is lowest within the unit cube, with some coordinates held there."""
    from scipy.optimize import lsq_linear

    u = np.clip(surface.origin, 0.0, 1.0)
    for index, value in (held or {}).items():
        u[index] = value
    free = [i for i in range(len(u)) if i not in (held or {})]
    if not free:
        return u
    fixed = np.where(np.isin(np.arange(len(u)), free), 0.0, u)
    slope = surface.gradient + surface.hessian @ (fixed - surface.origin)
    root = np.linalg.cholesky(surface.hessian[np.ix_(free, free)])
    # |root' u + root^-1 slope|^2 / 2 is the surface up to a constant.
    u[free] = lsq_linear(root.T, -np.linalg.solve(root, slope[free]), (0.0, 1.0), method="bvls").x
    return u


def _settled(
    surface: Quadratic, points: Array, losses: Array, trust: Array, enough: int, reach: float
) -> Quadratic | None:
    """Fitted repeatedly to the points within its reach, until they stay the same; None if there are too few."""
    weights = np.zeros(len(losses))
    for turn in range(ROUNDS):
        spread = 1.4826 * float(np.median(np.abs((losses - surface.at(points))[trust > 0]))) if turn else math.inf
        inside = np.clip(1.0 - (_heights(surface, points) / reach) ** 3, 0.0, None) ** 3
        off = np.abs(losses - surface.at(points)) / max(HUBER * spread, 1e-12)
        wanted = trust * inside / np.maximum(1.0, off)
        if np.count_nonzero(wanted) < enough:
            return None
        weights = wanted if turn < 4 else 0.5 * (weights + wanted)
        surface = _solve(points, losses, weights, surface.origin, reach)
    return surface


def _heights(surface: Quadratic, points: Array) -> Array:
    """How far the surface lies above its lowest point [n]."""
    convex = surface.convex()
    return np.maximum(convex.at(points) - convex.at(lowest_point(convex)[None, :]), 0.0)


def _solve(points: Array, losses: Array, weights: Array, origin: Array, reach: float) -> Quadratic:
    """Weighted least squares, with the HC3 covariance of MacKinnon and White, Journal of Econometrics 29 (1985)."""
    d = points.shape[1]
    used = weights > 0
    away, w, y = (points - origin)[used], weights[used], losses[used]
    first, second = _pairs(d)
    squares = away[:, first] * away[:, second] * np.where(first == second, 0.5, 1.0)
    design = np.concatenate([np.ones((len(away), 1)), away, squares], axis=1)
    inverse = np.linalg.pinv(design.T @ (w[:, None] * design), hermitian=True)
    found = inverse @ (design.T @ (w * y))
    residuals = y - design @ found
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design) * w
    pushed = (w * residuals / np.maximum(1.0 - leverage, 0.2))[:, None] * design
    hessian = np.zeros((d, d))
    hessian[first, second] = hessian[second, first] = found[1 + d :]
    return Quadratic(
        origin=origin,
        constant=float(found[0]),
        gradient=found[1 : 1 + d],
        hessian=hessian,
        covariance=inverse @ (pushed.T @ pushed) @ inverse,
        used=int(used.sum()),
        reach=reach,
        noise=math.sqrt(float((w * residuals**2).sum() / w.sum())),
    )


def _pairs(d: int) -> tuple[np.ndarray, np.ndarray]:
    return np.triu_indices(d)
