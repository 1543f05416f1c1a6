"""Whether the model fits, in one word for programs and a sentence or two for people: what leads the report.

A misfit (misfit.py) decides first. Then the predictive checks say, where chance is known, whether too few observations lie in the
central 90 %, or too many in the central 50 %. The second asks more of chance: the parameters were chosen for these data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from modelops_runtime.contracts.wording import counted, fmt
from modelops_runtime.inference.predictive_checks import Coverage, Deviation, PredictiveChecks, TargetCheck

RARE = 0.025
"""Chance, over all targets, below which too few observations lie in the central 90 %."""

RARER = 0.005
"""Chance, over all targets, below which too many lie in the central 50 %."""


NARROW = "Intervals are then narrower than they should be."

WIDE = "Intervals are then wider than they need to be."


class FitVerdict(StrEnum):
    """Whether the data look like data of the model at its best set."""

    MISFIT = "misfit"
    """No set fits: there is a caution about it."""
    TOO_FAR = "too_far"
    """Fewer observations lie in the central 90 % than in data of the model."""
    TOO_CLOSE = "too_close"
    """More lie in the central 50 %: the noise that the loss assumes is larger than that of the data."""
    CONSISTENT = "consistent"
    """Neither."""
    UNKNOWN = "unknown"
    """Chance says nothing: no noise is assumed, or there is no set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """The verdict, and what it rests on."""

    verdict: FitVerdict = FitVerdict.UNKNOWN
    says: str = ""
    """Empty for a run without a set that has completed."""


NO_FIT = Fit()
"""Of a run without a set that has completed."""


def fit_of(checks: PredictiveChecks | None, misfits: Sequence[str]) -> Fit:
    """Whether the best set fits, from its checks and the sentences of `misfit.misfits`."""
    if misfits:
        return Fit(verdict=FitVerdict.MISFIT, says="The model does not fit the data: no set that was tried does.")
    if checks is None or not any(target.count for target in checks.targets):
        return NO_FIT
    judged = checks.with_chance
    if not judged:
        return Fit(says=_unknown(checks))
    far = min(judged, key=lambda target: target.at(0.9).chance_of_fewer or 0.0)
    if (far.at(0.9).chance_of_fewer or 0.0) * len(judged) < RARE:
        named = _named([one for one in far.largest if one.is_outside][:1], far.target)
        return Fit(verdict=FitVerdict.TOO_FAR, says=f"The model fits in part: {_few(far, checks)}.{named} {NARROW}")
    close = min(judged, key=lambda target: target.at(0.5).chance_of_more or 0.0)
    if (close.at(0.5).chance_of_more or 0.0) * len(judged) < RARER:
        return Fit(
            verdict=FitVerdict.TOO_CLOSE,
            says=f"The model fits, closer than it should: {_many(close)}. The noise that {close.loss} assumes is larger than"
            f" that of these data. {WIDE}",
        )
    return Fit(verdict=FitVerdict.CONSISTENT, says=_all(checks))


def coverage_says(one: Coverage) -> str:
    """`14 of 14 (by chance 10 to 14)`, without the chance where it is not known."""
    text = f"{one.inside:,} of {one.count:,}"
    return text if one.chance_low is None else f"{text} (by chance {_range(one)})"


def deviation_says(one: Deviation) -> str:
    """`day 5: 298 observed, 196 predicted (0 to 419)`."""
    key = ", ".join(f"{name} {value}" for name, value in one.key.items())
    said = f"{fmt(one.observed)} observed, {fmt(one.median)} predicted ({fmt(one.low)} to {fmt(one.high)})"
    return f"{key}: {said}" if key else said


def _range(one: Coverage) -> str:
    low, high = one.chance_low or 0, one.chance_high or 0
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _where(checks: PredictiveChecks, target: str) -> str:
    return "" if len(checks.targets) == 1 else f" of {target}"


def _few(target: TargetCheck, checks: PredictiveChecks) -> str:
    one = target.at(0.9)
    return (
        f"only {one.inside:,} of {counted(one.count, 'observation')}{_where(checks, target.target)} lie in the central 90 % of"
        f" what the best set predicts, noise included, where data of its own have {_range(one)}"
    )


def _many(target: TargetCheck) -> str:
    one = target.at(0.5)
    return (
        f"{one.inside:,} of {counted(one.count, 'observation')} of {target.target} lie in the central 50 % of what the best set"
        f" predicts, where data of its own have {_range(one)}"
    )


def _named(deviations: Sequence[Deviation], target: str) -> str:
    return "".join(f" Furthest off is {target} at {deviation_says(one)}." for one in deviations)


def _all(checks: PredictiveChecks) -> str:
    (one,) = [c for c in checks.together if c.level == 0.9] or [checks.with_chance[0].at(0.9)]
    alone = (one.independent_low or 0) <= one.inside
    lie = "lies" if one.count == 1 else "lie"
    text = "Nothing speaks against the fit: " if alone else "The bands do not tell whether the model fits: only "
    text += f"{one.inside:,} of {counted(one.count, 'observation')} {lie} in the central 90 % of what the best set predicts,"
    text += " noise included"
    if alone:
        text += f"; data of its own have {_range(one)} there"
    else:
        text += f", but its runs shift as a whole, so data of its own have {_range(one)} there"
    return f"{text} (of a single run, without the chance in the model)." if checks.runs == 1 else f"{text}."


def _unknown(checks: PredictiveChecks) -> str:
    target = next(target for target in checks.targets if target.count)
    one = target.at(0.9)
    text = (
        f"{one.inside:,} of {counted(one.count, 'observation')}{_where(checks, target.target)} lie in the central 90 % of the"
        f" {counted(checks.runs, 'simulation')}. {target.note}"
    )
    return f"Chance does not say whether the model fits: {text}"
