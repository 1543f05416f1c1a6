"""How well the data fix each searched parameter: intervals around the best set, from the trials of the search.

A quadratic surface is fitted to the losses near the best, on the scale of each parameter, and the profile of a parameter is taken
with all others free (statistics/quadratic.py; Ionides et al. 2017). The interval ends where the profile has risen by:

- Likelihoods (loss = -log p): chi2_1(level) / 2 above its lowest point, 1.92 at 95 % (Wilks, Annals of
  Mathematical Statistics 9, 1938; Venzon and Moolgavkar, Applied Statistics 37, 1988). The losses are corrected for their bias,
  and those whose bias is not known are left out (unbiased.py). The noise of the surface's lowest point widens the interval.
- Distances have no likelihood. The least squared distance J over N observations, p parameters fitted, is read as the variance of
  independent, normal residuals: J may rise by J t^2 / (N - p), t the quantile of Student's t with N - p degrees of freedom
  (Bates and Watts, Nonlinear Regression Analysis, 1988, 6.1). The least absolute distance J is read as the scale of Laplace
  errors: J may rise by J chi2_1(level) / 2N. The residuals of an epidemic are correlated, so such intervals are often too narrow.

How often they contain the true value was measured: docs/report.md, and docs/decisions/intervals.md for how the method was chosen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.plain_json import plain
from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.contracts.wording import counted
from modelops_runtime.inference.ridges import Ridge, ridges_of
from modelops_runtime.inference.searched import NEARBY, Searched, listed, side_of
from modelops_runtime.inference.unbiased import for_more_known, too_few_known, unbiased
from modelops_runtime.ledger.base import Trial
from modelops_runtime.statistics.array import Array
from modelops_runtime.statistics.quadratic import Quadratic, fit_quadratic, lowest_point, needed

LIKELIHOOD = "profile likelihood on a quadratic surface"
SQUARED = "residual variance on a quadratic surface"
ABSOLUTE = "mean absolute residual on a quadratic surface"

MORE_TRIALS = "More trials may give them: `mops extend`."

STRAIGHTER = 0.9
"""Logarithmic scales are taken when the residuals on them are below this share of those on the parameters' own."""


Distance = Literal["squared", "absolute"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """What the data say about one parameter. Without an interval (`low` None), `reason` says why."""

    name: str
    estimate: float | None = None
    """Where the surface is lowest: near the value of the best set, and less affected by luck."""
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    """`low` is the bound of the range: the data do not exclude values below it."""
    high_open: bool = False
    reason: str = ""

    @property
    def is_closed(self) -> bool:
        """Whether it ends inside the range on both sides."""
        return self.low is not None and self.high is not None and not (self.low_open or self.high_open)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """The intervals of all searched numbers, and what the data fix only together. `reason` says why there are none."""

    method: str
    level: float
    parameters: tuple[Interval, ...]
    ridges: tuple[Ridge, ...] = ()
    trials: int = 0
    """How many trials the surface is fitted to."""
    noise: float | None = None
    """Standard deviation of the loss of a trial about the surface, in the unit of the loss."""
    rise: float | None = None
    """By how much the loss may rise above its lowest point, in the unit of the loss."""
    joint: float | None = None
    """By how much -log p may rise for two parameters together (chi2_2 / 2, or the F quantile for distances)."""
    reason: str = ""
    advice: str = ""
    """If there is a reason: what may give intervals."""
    shape: tuple[tuple[float, ...], ...] = ()
    """The surface's second derivatives by the parameters' shares of `axes`, in units of -log p."""
    axes: tuple[Searched, ...] = ()
    """The parameters on the scales of the surface: as in the spec, or all logarithmic."""

    def as_json(self) -> dict[str, Any]:
        """The same names; no NaN."""
        return plain({**asdict(self), "ridges": [{**asdict(ridge), "says": ridge.says} for ridge in self.ridges]})

    def of(self, name: str) -> Interval | None:
        return next((interval for interval in self.parameters if interval.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Points:
    """The trials as numbers: shares of the ranges [n, d], losses and replicates [n]; the best's shares [d]."""

    shares: Array
    losses: Array
    replicates: Array
    best: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Valley:
    """The surface over the parameters on the scales of `axes`; `complaint` says why it cannot be used."""

    axes: tuple[Searched, ...]
    points: _Points
    surface: Quadratic | None
    complaint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Yardstick:
    """The factor that turns a loss into -log p, and how far that may rise."""

    method: str
    factor: float
    threshold: float
    joint: float
    """The same for two parameters together."""


def intervals(
    searched: Sequence[Searched],
    trials: Sequence[Trial],
    best: Trial | None,
    *,
    is_likelihood: bool,
    level: float = 0.95,
    observations: int = 0,
    distance: Distance = "squared",
) -> Intervals:
    """Intervals of the numbers among `searched` around `best`, from `trials` (search and confirmation).

    `observations` and `distance` are for losses that are not likelihoods. Choices are held at those of the best set.
    """
    numbers = [p for p in searched if p.low is not None and p.high is not None and p.high > p.low]
    if best is not None and best.params is not None:
        numbers = [p for p in numbers if p.name in best.params]
    method = LIKELIHOOD if is_likelihood else SQUARED if distance == "squared" else ABSOLUTE

    def none(reason: str, advice: str = "") -> Intervals:
        without = [*numbers, *(parameter for parameter in searched if not parameter.is_known)]
        empty = tuple(Interval(name=parameter.name, reason=reason) for parameter in without)
        return Intervals(method=method, level=level, parameters=empty, reason=reason, advice=advice)

    if unknown := [parameter.name for parameter in searched if not parameter.is_known]:
        return none(f"the bounds of {listed(unknown)} are not known")
    if not numbers:
        return none("no number is searched")
    if best is None or best.params is None or best.loss is None:
        return none("no trial has completed with all its replicates")
    known = unbiased(trials) if is_likelihood else None
    trials = trials if known is None else known.corrected
    yardstick = _yardstick(_points(searched, numbers, trials, best), method, level, observations)
    valley = None if isinstance(yardstick, str) else _valley(searched, numbers, trials, best, yardstick)
    if valley is not None and valley.surface is not None and not isinstance(yardstick, str) and not is_likelihood:
        least = _least(valley.surface) / yardstick.factor
        yardstick = _yardstick(valley.points, method, level, observations, least)
        valley = None if isinstance(yardstick, str) else _valley(searched, numbers, trials, best, yardstick)
    if isinstance(yardstick, str):
        return none(yardstick)
    assert valley is not None
    few = too_few_known(known, parameters=len(numbers), needed=needed(len(numbers))) if known is not None else ""
    if valley.surface is None and known is not None and few:
        return none(few, for_more_known(known))
    if valley.surface is None or valley.complaint:
        return none(valley.complaint, MORE_TRIALS)
    convex = valley.surface.convex()
    ridges = ridges_of(valley.axes, convex.hessian, lowest_point(convex), threshold=yardstick.threshold)
    found = _found(numbers, valley.axes, convex, yardstick, level, best.params)
    return replace(found, ridges=ridges)


def _valley(
    searched: Sequence[Searched],
    numbers: Sequence[Searched],
    trials: Sequence[Trial],
    best: Trial,
    yardstick: _Yardstick,
) -> _Valley:
    """The surface on the scales of the spec, or on logarithmic ones if these fit clearly better (a product is straight there)."""
    axes = [list(numbers)]
    if (by_logarithm := [_logarithmic(parameter) for parameter in numbers]) != axes[0]:
        axes.append(by_logarithm)
    found: list[_Valley] = []
    for parameters in axes:
        points = _points(searched, parameters, trials, best)
        surface = _surface(points, yardstick)
        complaint = _complaint(surface, len(numbers), len(points.losses))
        found.append(_Valley(axes=tuple(parameters), points=points, surface=surface, complaint=complaint))
    given, other = found[0], found[-1]
    if other.surface is None or other.complaint:
        return given
    if given.surface is None or given.complaint or other.surface.noise < STRAIGHTER * given.surface.noise:
        return other
    return given


def _logarithmic(parameter: Searched) -> Searched:
    low, high = parameter.low or 0.0, parameter.high or 0.0
    if low < 0 or high <= 0:
        return parameter
    return replace(parameter, low=low or high / 1_000, scale="log")


def _points(searched: Sequence[Searched], numbers: Sequence[Searched], trials: Sequence[Trial], best: Trial) -> _Points:
    """Completed trials with the choices of the best set; one that was stopped early has an estimated loss and little weight."""
    assert best.params is not None
    choices = {p.name: best.params.get(p.name) for p in searched if p.choices}
    kept: list[tuple[Trial, float]] = []
    for trial in trials:
        params, loss = trial.params or {}, trial.loss
        if trial.status is not TrialStatus.COMPLETED or loss is None or not math.isfinite(loss):
            continue
        whole = all(isinstance(params.get(p.name), int | float) for p in numbers)
        if whole and all(params.get(name) == value for name, value in choices.items()):
            kept.append((trial, loss))
    return _Points(
        shares=np.array([_shares(numbers, trial) for trial, _ in kept]).reshape(len(kept), len(numbers)),
        losses=np.array([loss for _, loss in kept]),
        replicates=np.array([float(max(trial.replicates, 1)) for trial, _ in kept]),
        best=np.array(_shares(numbers, best)),
    )


def _shares(numbers: Sequence[Searched], trial: Trial) -> list[float]:
    params = trial.params or {}
    return [min(max(p.share(float(params[p.name])), 0.0), 1.0) for p in numbers]


def _surface(points: _Points, yardstick: _Yardstick) -> Quadratic | None:
    return fit_quadratic(points.shares, points.losses * yardstick.factor, points.replicates, points.best)


def _least(surface: Quadratic) -> float:
    convex = surface.convex()
    return float(convex.at(lowest_point(convex)[None, :])[0])


def _yardstick(
    points: _Points, method: str, level: float, observations: int, least: float | None = None
) -> _Yardstick | str:
    """For distances from the `least` loss, at first one of the lowest; a text when there is none."""
    # Not from scipy.stats, whose import takes more than half a second.
    from scipy.special import fdtri, gammaincinv, stdtrit

    rise = float(gammaincinv(1 / 2, level))  # half of chi-squared's quantile, 1 degree of freedom
    joint = float(gammaincinv(1, level))  # and of 2
    if method == LIKELIHOOD:
        return _Yardstick(method=method, factor=1.0, threshold=rise, joint=joint)
    fitted = points.shares.shape[1]
    free = observations - fitted
    if free < 2:
        few = f"{counted(observations, 'observation')} for {counted(fitted, 'parameter')}"
        return f"{few}: too few to tell the noise of the data from the residuals"
    if least is None:
        least = float(np.sort(points.losses)[:3][-1])
    if least <= 0:
        return "the best set fits almost exactly: there are no residuals from which to estimate the noise of the data"
    if method == ABSOLUTE:
        return _Yardstick(method=method, factor=observations / least, threshold=rise, joint=joint)
    rise, joint = float(stdtrit(free, (1 + level) / 2)) ** 2 / 2, float(fdtri(2, free, level))
    return _Yardstick(method=method, factor=free / (2 * least), threshold=rise, joint=joint)


def _complaint(surface: Quadratic | None, parameters: int, trials: int) -> str:
    """Why the surface cannot be used; empty if it can."""
    if surface is None:
        over = counted(parameters, "parameter")
        few = f"too few of the {trials:,} completed trials lie near the best"
        if trials < needed(parameters):
            few = f"there {'is' if trials == 1 else 'are'} only {counted(trials, 'completed trial')}"
        return f"{few}: a surface over {over} needs {needed(parameters)}"
    curvatures, directions = np.linalg.eigh(surface.hessian)
    errors = [surface.curvature_error(direction) for direction in directions.T]
    if all(curvature < 2 * error for curvature, error in zip(curvatures, errors, strict=True)):
        return (
            "the trials near the best do not tell how steeply the loss rises from there, for the noise of their losses"
        )
    if curvatures[0] < -3 * errors[0] and curvatures[0] < -0.1 * curvatures[-1]:
        return "near the best, the loss falls off to both sides in some direction: the surface there is no valley"
    return ""


def _found(
    numbers: Sequence[Searched],
    axes: Sequence[Searched],
    surface: Quadratic,
    yardstick: _Yardstick,
    level: float,
    best: Mapping[str, Scalar],
) -> Intervals:
    centre = lowest_point(surface)
    base = float(surface.at(centre[None, :])[0])
    widened = yardstick.threshold * (1 + _unsure(surface, centre))
    found: list[Interval] = []
    for index, (parameter, axis) in enumerate(zip(numbers, axes, strict=True)):
        ends = [_end(surface, index, centre, base + float(widened[index]), side) for side in (0.0, 1.0)]
        found.append(_interval(parameter, axis, float(centre[index]), ends[0], ends[1], best))
    return Intervals(
        method=yardstick.method,
        level=level,
        parameters=tuple(found),
        axes=tuple(axes),
        trials=surface.used,
        noise=surface.noise / yardstick.factor,
        rise=yardstick.threshold / yardstick.factor,
        joint=yardstick.joint,
        shape=tuple(tuple(float(value) for value in row) for row in surface.hessian),
    )


def _unsure(surface: Quadratic, centre: Array) -> Array:
    """By what share the noise of the losses raises the threshold of each parameter [d].

    The variance of the lowest point over that of the profile (Ionides et al. 2017: the Monte Carlo adjusted profile), and the
    squared relative error of its curvature: a curvature that is too large does more harm than one that is too small.
    """
    inverse = np.linalg.inv(surface.hessian)
    variance = np.diag(inverse)
    lines = inverse / np.linalg.norm(inverse, axis=0)  # column j: the direction in which j's profile runs
    curvatures = np.einsum("ij,ik,kj->j", lines, surface.hessian, lines)
    errors = np.array([surface.curvature_error(line) for line in lines.T])
    return surface.centre_errors(centre) ** 2 / variance + np.minimum((errors / curvatures) ** 2, 1.0)


def _end(surface: Quadratic, index: int, centre: Array, height: float, side: float) -> float | None:
    """The share at which the profile reaches `height`, from the centre towards `side` (0 or 1); None if outside the range."""

    def profile(share: float) -> float:
        return float(surface.at(lowest_point(surface, {index: share})[None, :])[0])

    inner, outer = float(centre[index]), side
    if profile(outer) < height:
        return None
    for _ in range(30):
        middle = (inner + outer) / 2
        inner, outer = (middle, outer) if profile(middle) < height else (inner, middle)
    return (inner + outer) / 2


def _interval(
    parameter: Searched,
    axis: Searched,
    centre: float,
    low: float | None,
    high: float | None,
    best: Mapping[str, Scalar],
) -> Interval:
    """The interval in the unit of the parameter; `centre`, `low` and `high` are shares of the `axis`."""

    def worded(share: float) -> float:
        value = axis.value(share)
        return float(round(value)) if parameter.whole else value

    if low is None and high is None:
        side = side_of(parameter, best, within=NEARBY)
        if side and centre == {"lower": 0.0, "upper": 1.0}[side]:
            reason = f"the loss falls towards the {side} bound of its range, and may fall beyond"
            return Interval(name=parameter.name, reason=reason)
        reason = "any value of its range fits about as well"
        return Interval(name=parameter.name, low_open=True, high_open=True, reason=reason)
    return Interval(
        name=parameter.name,
        estimate=worded(centre),
        low=parameter.low if low is None else worded(low),
        high=parameter.high if high is None else worded(high),
        low_open=low is None,
        high_open=high is None,
    )
