"""Does a spec identify what it asks for? Known parameters against what calibrations of their pseudo-data found. Pure."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.results.export import plain
from modelops_runtime.results.figures import counted, fmt
from modelops_runtime.results.intervals import Interval, Intervals
from modelops_runtime.results.searched import Searched

LEVEL = 0.95

NARROW = 1 / 3
"""Share of a range, on its own scale, that an interval may span and still tell its parameter."""

TELLS = (
    "A repeat tells a parameter when its interval holds the true value and spans at most a third of the range; where there is "
    "no interval, when the value found is off by at most a sixth of the range; of choices, when it finds the true one."
)

MOST = 0.8
"""Share of the repeats that must tell a parameter for it to be identified."""

SOME = 0.4
"""From this share on it is weakly identified. About a third would tell it by chance, wherever intervals and values lay."""

FOLLOWS = 0.3
"""Rank correlation of truth and found that must be surpassed for sure, for it to be weakly identified by that alone, ..."""

PAIRS = 10
"""... over at least so many repeats, fewer than half of which find any value of the range as good."""

FEW = 5
"""Repeats below which nothing is said."""

Array = NDArray[np.float64]

Verdict = Literal["identified", "weakly identified", "not identified", "too few repeats"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """One known set, and what was found from data that were simulated with it."""

    number: int
    run_id: str
    truth: Mapping[str, Scalar]
    """Searched parameters alone."""
    found: Mapping[str, Scalar]
    """The best set's; empty when the calibration gave no answer."""
    intervals: Intervals | None = None
    derived: Mapping[str, tuple[float, float]] | None = None
    """Of the truth, and of the best set."""
    redrawn: int = 0
    """Sets before this one at which the model failed."""
    reason: str = ""
    """Why there is no answer."""

    def as_json(self) -> dict[str, Any]:
        given = {"number": self.number, "run_id": self.run_id, "truth": dict(self.truth), "found": dict(self.found)}
        more = {"intervals": self.intervals.as_json() if self.intervals else None, "derived": self.derived}
        return plain(given | more | {"redrawn": self.redrawn, "reason": self.reason})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """One parameter over all repeats that gave an answer. Numbers are on its own scale: natural logarithms for log."""

    name: str
    scale: str
    repeats: int
    verdict: Verdict
    told: int
    """Repeats that tell the parameter (TELLS says how)."""
    bias: float | None = None
    """Mean of found - truth."""
    rmse: float | None = None
    rmse_share: float | None = None
    """Of the range; 0.29 is what the middle of the range would give, 0.41 a random guess."""
    correlation: float | None = None
    """Pearson's, of truth and found."""
    rank_correlation: float | None = None
    """Spearman's."""
    intervals: int = 0
    """Repeats with an interval that leaves out some of the range."""
    held: int = 0
    """Of these, how many hold the truth."""
    coverage: float | None = None
    coverage_low: float | None = None
    coverage_high: float | None = None
    """95 % interval of the coverage (Clopper and Pearson, Biometrika 26, 1934)."""
    open: int = 0
    """Repeats in which any value of the range fits about as well."""
    none: int = 0
    """Repeats without any interval, and the commonest reason."""
    reason: str = ""
    width: float | None = None
    """Median share of the range that the intervals span; 1 where there is none."""

    @property
    def too_narrow(self) -> bool:
        """Whether the coverage lies below LEVEL by more than chance."""
        return self.coverage_high is not None and self.coverage_high < LEVEL

    @property
    def says(self) -> str:
        """The verdict in plain words."""
        if self.verdict == "too few repeats":
            return f"{self.name}: {counted(self.repeats, 'repeat')} with an answer tell nothing; {FEW} are needed."
        text = f"{self.name} is {self.verdict}: {self._follows}{self.told} of {self.repeats} repeats tell it."
        if self.too_narrow:
            held = f"{self.held} of {self.intervals} hold the true value, where {LEVEL:.0%} should"
            text += f" Its intervals are too narrow: {held}."
        if self.open:
            text += f" In {self.open}, any value of the range fitted about as well."
        if self.none:
            text += f" {self.none} had no interval; most often: {self.reason}."
        return text

    @property
    def _follows(self) -> str:
        if self.verdict != "weakly identified" or self.rank_correlation is None:
            return ""
        return f"the values found go along with the true ones (rank correlation {self.rank_correlation:.2f}), and "


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """What the data fixed only together, in how many repeats."""

    names: tuple[str, ...]
    fixed: str
    """The commonest combination; empty for more than two parameters."""
    repeats: int

    @property
    def says(self) -> str:
        *some, last = self.names
        those = f"{', '.join(some)} and {last}"
        fixed = (
            f"the data fixed {self.fixed} rather than {those} apart"
            if self.fixed
            else f"{those} made up for each other"
        )
        return f"In {counted(self.repeats, 'repeat')}, {fixed}."


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """What a spec's self-test found."""

    name: str
    repeats: tuple[Repeat, ...]
    parameters: tuple[Recovery, ...]
    together: tuple[Together, ...]
    asked: int
    """Repeats that were asked for; fewer are there when it was interrupted."""
    trials: int
    replicates: int
    seed: int
    noise: Mapping[str, str]
    """Target -> where its pseudo-data's noise came from."""
    elapsed_s: float = 0.0

    @property
    def interrupted(self) -> bool:
        return len(self.repeats) < self.asked

    def as_json(self) -> dict[str, Any]:
        own = {k: v for k, v in asdict(self).items() if k not in ("repeats", "parameters", "together")}
        return plain(
            own
            | {
                "parameters": [asdict(p) | {"says": p.says, "too_narrow": p.too_narrow} for p in self.parameters],
                "together": [asdict(t) | {"says": t.says} for t in self.together],
                "repeats": [repeat.as_json() for repeat in self.repeats],
            }
        )


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


def _of_number(parameter: Searched, answered: Sequence[Repeat]) -> Recovery:
    name, span = parameter.name, _span(parameter)
    truth = np.array([parameter.share(float(repeat.truth[name])) for repeat in answered])
    found = np.array([parameter.share(float(repeat.found[name])) for repeat in answered])
    stated = [_interval(repeat, name) for repeat in answered]
    widths = [_width(parameter, interval) for interval in stated]
    closed = [
        (interval, float(repeat.truth[name]))
        for interval, repeat in zip(stated, answered, strict=True)
        if interval.low is not None
    ]
    held = sum(_holds(interval, value) for interval, value in closed)
    told = sum(
        abs(off) <= NARROW / 2
        if _is_none(interval)
        else width <= NARROW and _holds(interval, float(repeat.truth[name]))
        for width, interval, off, repeat in zip(widths, stated, found - truth, answered, strict=True)
    )
    low, high = coverage_interval(held, len(closed)) if closed else (None, None)
    error = found - truth
    ranked = _correlation(_ranks(truth), _ranks(found))
    rmse = float(np.sqrt(np.mean(error**2))) if len(error) else None
    return Recovery(
        name=name,
        scale=parameter.scale,
        repeats=len(answered),
        verdict=_verdict(told, len(answered), ranked, opened=_count_open(stated)),
        told=told,
        bias=float(error.mean()) * span if len(error) else None,
        rmse=None if rmse is None else rmse * span,
        rmse_share=rmse,
        correlation=_correlation(truth, found),
        rank_correlation=ranked,
        intervals=len(closed),
        held=held,
        coverage=held / len(closed) if closed else None,
        coverage_low=low,
        coverage_high=high,
        open=_count_open(stated),
        none=sum(map(_is_none, stated)),
        reason=_commonest([interval.reason for interval in stated if _is_none(interval)]),
        width=statistics.median(widths) if widths else None,
    )


def _verdict(told: int, repeats: int, rank_correlation: float | None = None, *, opened: int = 0) -> Verdict:
    if repeats < FEW:
        return "too few repeats"
    if told >= MOST * repeats:
        return "identified"
    follows = (
        rank_correlation is not None
        and repeats >= PAIRS
        and opened < repeats / 2
        and surely_above(rank_correlation, repeats) >= FOLLOWS
    )
    return "weakly identified" if told >= SOME * repeats or follows else "not identified"


def surely_above(correlation: float, pairs: int) -> float:
    """The lower end of a correlation's 95 % interval, by Fisher's z (Biometrika 10, 1915): tanh(atanh r - 1.96 / sqrt(n - 3))."""
    if pairs < 4:
        return -1.0
    return math.tanh(math.atanh(min(correlation, 1 - 1e-12)) - 1.96 / math.sqrt(pairs - 3))


def _interval(repeat: Repeat, name: str) -> Interval:
    """With `low` None where there is none."""
    return (repeat.intervals.of(name) if repeat.intervals else None) or Interval(name=name)


def _holds(interval: Interval, value: float) -> bool:
    return interval.low is not None and interval.high is not None and interval.low <= value <= interval.high


def _width(parameter: Searched, interval: Interval) -> float:
    if interval.low is None or interval.high is None:
        return 1.0
    return parameter.share(interval.high) - parameter.share(interval.low)


def _is_open(interval: Interval) -> bool:
    """Whether any value of the range fits about as well."""
    return interval.low_open and interval.high_open


def _is_none(interval: Interval) -> bool:
    return interval.low is None and not _is_open(interval)


def _count_open(intervals: Sequence[Interval]) -> int:
    return sum(map(_is_open, intervals))


def _commonest(texts: Sequence[str]) -> str:
    return Counter(texts).most_common(1)[0][0] if texts else ""


def _span(parameter: Searched) -> float:
    """The range's width on the parameter's own scale."""
    low, high = parameter.low or 0.0, parameter.high or 0.0
    if parameter.scale == "log":
        return math.log(high / low)
    if parameter.scale == "logit":
        return math.log(high / (1 - high)) - math.log(low / (1 - low))
    return high - low


def _ranks(values: Array) -> Array:
    from scipy.stats import rankdata

    return rankdata(values)


def _correlation(a: Array, b: Array) -> float | None:
    """Pearson's; None for fewer than three pairs, or where one side does not vary."""
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def report_lines(test: SelfTest) -> list[str]:
    """The report as text."""
    answered = sum(bool(repeat.found) for repeat in test.repeats)
    lines = [
        f"{test.name}: self-test of {counted(len(test.repeats), 'repeat')}, "
        f"{test.trials} trials of {test.replicates} replicates each (seed {test.seed})"
    ]
    lines += [f"  {target}: {source}" for target, source in test.noise.items()]
    if answered < len(test.repeats):
        lines += [f"  repeat {r.number} gave no answer: {r.reason}" for r in test.repeats if not r.found]
    if redrawn := sum(repeat.redrawn for repeat in test.repeats):
        lines.append(f"  {counted(redrawn, 'set')} drawn anew, because the model failed there")
    lines += ["", *_table(test.parameters), ""]
    lines += [recovery.says for recovery in test.parameters]
    lines += [each.says for each in test.together]
    return [*lines, TELLS]


def _table(parameters: Sequence[Recovery]) -> list[str]:
    head = ("parameter", "scale", "bias", "RMSE", "of range", "r", "rank r", "held", "coverage", "95 % CI", "width")
    rows = [head, *(_row(parameter) for parameter in parameters)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _row(p: Recovery) -> tuple[str, ...]:
    if p.scale == "choices":
        return (p.name, "choices", *["–"] * 5, f"{p.told} of {p.repeats} right", *["–"] * 3)
    between = (
        "–" if p.coverage_low is None or p.coverage_high is None else f"{p.coverage_low:.0%} to {p.coverage_high:.0%}"
    )
    return (
        p.name,
        p.scale,
        fmt(p.bias),
        fmt(p.rmse),
        _percent(p.rmse_share),
        _two(p.correlation),
        _two(p.rank_correlation),
        f"{p.held} of {p.intervals}",
        _percent(p.coverage),
        between,
        _percent(p.width),
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def _two(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
