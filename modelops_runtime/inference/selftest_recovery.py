"""How well known parameters were found again, and whether their intervals hold. Pure functions of a self-test's repeats."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.inference.intervals import Interval
from modelops_runtime.inference.searched import Searched
from modelops_runtime.inference.selftest import FEW, LEVEL, Recovery, Repeat, Together, Verdict
from modelops_runtime.statistics.array import Array

NARROW = 1 / 3
"""Share of a range, on its own scale, that an interval may span and still tell its parameter."""

MOST = 0.8
"""Share of the repeats that must tell a parameter for it to be identified."""

SOME = 0.4
"""From this share on it is weakly identified. About a third would tell it by chance, wherever intervals and values lay."""

FOLLOWS = 0.3
"""Rank correlation of truth and found that must be surpassed for sure, for it to be weakly identified by that alone, ..."""

PAIRS = 10
"""... over at least so many repeats, fewer than half of which have no interval or find any value of the range as good."""


def recoveries(searched: Sequence[Searched], repeats: Sequence[Repeat]) -> tuple[Recovery, ...]:
    """One for each searched parameter, from the repeats that gave an answer."""
    answered = [repeat for repeat in repeats if repeat.found]
    return tuple(_of_choice(p, answered) if p.choices else _of_number(p, answered) for p in searched)


def together(repeats: Sequence[Repeat]) -> tuple[Together, ...]:
    """Ridges that at least SOME of the answered repeats have, commonest first."""
    answered = [repeat for repeat in repeats if repeat.found]
    ridges = [ridge for repeat in answered if repeat.intervals for ridge in repeat.intervals.ridges]
    found: list[Together] = []
    for names, count in Counter(ridge.names for ridge in ridges).most_common():
        if count >= SOME * len(answered):
            fixed = Counter(ridge.fixed for ridge in ridges if ridge.names == names).most_common(1)[0][0]
            found.append(Together(names=names, fixed=fixed, repeats=count))
    return tuple(found)


def coverage_interval(held: int, count: int, *, level: float = LEVEL) -> tuple[float, float]:
    """Clopper and Pearson's interval of the share `held` / `count`."""
    from scipy.stats import binomtest

    found = binomtest(held, count).proportion_ci(confidence_level=level, method="exact")
    return float(found.low), float(found.high)


def _of_choice(parameter: Searched, answered: Sequence[Repeat]) -> Recovery:
    told = sum(_same(repeat.found[parameter.name], repeat.truth[parameter.name]) for repeat in answered)
    return Recovery(
        name=parameter.name, scale="choices", repeats=len(answered), told=told, verdict=_verdict(told, len(answered))
    )


def _same(a: Scalar, b: Scalar) -> bool:
    """`True`, `1` and `1.0` are three."""
    return type(a) is type(b) and a == b


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """One parameter in one repeat."""

    truth: float
    interval: Interval
    """With `low` None where there is none."""
    width: float
    """Share of the range that the interval spans; 1 where there is none."""
    off: float
    """Found - truth, as a share of the range."""
    outside: bool
    """Whether the truth is outside the searched range."""

    @property
    def has_interval(self) -> bool:
        """Whether the interval leaves out some of the range."""
        return self.interval.low is not None

    @property
    def is_open(self) -> bool:
        """Whether any value of the range fits about as well."""
        return self.interval.low_open and self.interval.high_open

    @property
    def is_none(self) -> bool:
        return not self.has_interval and not self.is_open

    @property
    def holds(self) -> bool:
        low, high = self.interval.low, self.interval.high
        return low is not None and high is not None and low <= self.truth <= high

    @property
    def tells(self) -> bool:
        return abs(self.off) <= NARROW / 2 if self.is_none else self.width <= NARROW and self.holds


def _of_number(parameter: Searched, answered: Sequence[Repeat]) -> Recovery:
    from scipy.stats import rankdata

    name, span = parameter.name, parameter.span
    truth = np.array([parameter.share(float(repeat.truth[name])) for repeat in answered])
    found = np.array([parameter.share(float(repeat.found[name])) for repeat in answered])
    seen = [_seen(parameter, repeat, float(off)) for repeat, off in zip(answered, found - truth, strict=True)]
    closed = [one for one in seen if one.has_interval]
    held, told = sum(one.holds for one in seen), sum(one.tells for one in seen)
    told_closed = sum(one.tells and one.interval.is_closed for one in seen)
    opened, none = sum(one.is_open and not one.outside for one in seen), sum(one.is_none for one in seen)
    low, high = coverage_interval(held, len(closed)) if closed else (None, None)
    rmse = float(np.sqrt(np.mean((found - truth) ** 2))) if seen else None
    ranked = _correlation(rankdata(truth), rankdata(found))
    return Recovery(
        name=name,
        scale=parameter.scale,
        repeats=len(seen),
        verdict=_verdict(told, len(seen), ranked, opened=opened, none=none, closed=told_closed),
        told=told,
        told_closed=told_closed,
        told_alone=sum(one.tells and one.is_none for one in seen),
        bias=float(np.mean(found - truth)) * span if seen else None,
        rmse=None if rmse is None else rmse * span,
        rmse_share=rmse,
        correlation=_correlation(truth, found),
        rank_correlation=ranked,
        intervals=len(closed),
        held=held,
        coverage=held / len(closed) if closed else None,
        coverage_low=low,
        coverage_high=high,
        open=opened,
        none=none,
        reason=_commonest([one.interval.reason for one in seen if one.is_none]),
        outside=sum(one.outside for one in seen),
        low=parameter.low,
        high=parameter.high,
        width=float(np.median([one.width for one in seen])) if seen else None,
    )


def _seen(parameter: Searched, repeat: Repeat, off: float) -> _Seen:
    name, truth = parameter.name, float(repeat.truth[parameter.name])
    interval = (repeat.intervals.of(name) if repeat.intervals else None) or Interval(name=name)
    width = 1.0
    if interval.low is not None and interval.high is not None:
        width = parameter.share(interval.high) - parameter.share(interval.low)
    low, high = parameter.axis
    return _Seen(truth=truth, interval=interval, width=width, off=off, outside=not low <= truth <= high)


def _verdict(
    told: int,
    repeats: int,
    rank_correlation: float | None = None,
    *,
    opened: int = 0,
    none: int = 0,
    closed: int | None = None,
) -> Verdict:
    """`closed`: of those that tell it, how many by an interval that is closed; None for choices, which have none."""
    if repeats < FEW:
        return "too few repeats"
    if none == repeats:
        return "no interval"
    if (told if closed is None else closed) >= MOST * repeats:
        return "identified"
    follows = (
        rank_correlation is not None
        and repeats >= PAIRS
        and opened + none < repeats / 2
        and surely_above(rank_correlation, repeats) >= FOLLOWS
    )
    return "weakly identified" if told >= SOME * repeats or follows else "not identified"


def surely_above(correlation: float, pairs: int) -> float:
    """The lower end of a correlation's 95 % interval, by Fisher's z (Biometrika 10, 1915): tanh(atanh r - 1.96 / sqrt(n - 3))."""
    if pairs < 4:
        return -1.0
    return math.tanh(math.atanh(min(max(correlation, -1 + 1e-12), 1 - 1e-12)) - 1.96 / math.sqrt(pairs - 3))


def _commonest(texts: Sequence[str]) -> str:
    return Counter(texts).most_common(1)[0][0] if texts else ""


def _correlation(a: Array, b: Array) -> float | None:
    """Pearson's; None for fewer than three pairs, or where one side does not vary."""
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])
