"""What the data fix, and what they do not: rows and sentences for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelops_runtime.contracts.caution import Caution, CautionKind
from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.wording import counted, fmt
from modelops_runtime.inference.intervals import ABSOLUTE, LIKELIHOOD, Interval, Intervals
from modelops_runtime.inference.ranking import best_tenth
from modelops_runtime.inference.searched import Searched, bounds_unknown, listed, near_bound, on_bound
from modelops_runtime.ledger.base import Trial

WIDE = 0.6
"""Share of a range over which the best sets spread when the data say little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalRow:
    """A parameter's line in the table."""

    name: str
    best: str
    interval: str
    """`0.42 to 0.61`, or a dash."""
    estimate: str
    note: str


def interval_rows(found: Intervals, best: Trial | None) -> list[IntervalRow]:
    params = (best.params or {}) if best is not None else {}
    ridged = {name for ridge in found.ridges for name in ridge.names}
    return [_row(interval, params.get(interval.name), ridged=interval.name in ridged) for interval in found.parameters]


def _row(interval: Interval, best: object, *, ridged: bool) -> IntervalRow:
    """A line of the table; along a ridge the surface is lowest anywhere, so no point is shown."""
    if interval.low is None or interval.high is None:
        return IntervalRow(name=interval.name, best=fmt(best), interval="–", estimate="–", note=interval.reason)
    ends = [name for name, is_open in (("lower", interval.low_open), ("upper", interval.high_open)) if is_open]
    notes = [f"its {ends[0]} end is the bound of the range: the data do not exclude what lies beyond"] if ends else []
    if isinstance(best, int | float) and not interval.low <= best <= interval.high:
        notes.append("the best set lies outside: its value of this parameter is partly luck")
    return IntervalRow(
        name=interval.name,
        best=fmt(best),
        interval=interval_text(interval),
        estimate="–" if ridged else _end(interval.estimate or 0.0),
        note="; ".join(notes),
    )


def _end(value: float) -> str:
    """Rounded to three digits: intervals are not known more precisely."""
    return fmt(float(f"{value:.3g}"))


def intervals_json(found: Intervals) -> dict[str, Any]:
    """The intervals for programs, with their sentences; the surface that they follow from is left out."""
    record = {name: value for name, value in found.as_json().items() if name not in ("shape", "axes")}
    return {**record, "says": intervals_say(found), "how_found": how_found(found)}


def intervals_of_json(record: Mapping[str, Any]) -> Intervals:
    """Intervals from what `intervals_json` gave, without their ridges and surface."""
    names = ("method", "level", "trials", "noise", "rise", "joint", "reason", "advice")
    parameters = tuple(Interval(**parameter) for parameter in record["parameters"])
    return Intervals(parameters=parameters, **{name: record[name] for name in names})


def interval_text(interval: Interval) -> str:
    """`0.42 to 0.61`, or a dash."""
    if interval.low is None or interval.high is None:
        return "–"
    return f"{_end(interval.low)} to {_end(interval.high)}"


def interval_notes(found: Intervals) -> dict[str, str]:
    """By parameter, `95 %: 0.42 to 0.61`, with `(bound)` at an end that is the bound of the range; those without are left out."""
    notes: dict[str, str] = {}
    for one in found.parameters:
        if one.low is None or one.high is None:
            continue
        low = _end(one.low) + (" (bound)" if one.low_open else "")
        high = _end(one.high) + (" (bound)" if one.high_open else "")
        notes[one.name] = f"{100 * found.level:.3g} %: {low} to {high}"
    return notes


def intervals_rest_on(found: Intervals) -> str:
    """The level, the method and what it rests on in a few words; empty where there are no intervals."""
    if found.reason or not found.parameters:
        return ""
    return f"intervals at {100 * found.level:.3g} %: {found.method}, {counted(found.trials, 'trial')} near the best"


def intervals_say(found: Intervals) -> str:
    """How many parameters the trials bound, or why there are no intervals."""
    closed = [interval for interval in found.parameters if interval.is_closed]
    if found.reason:
        return f"There are no intervals for this run: {found.reason}.{f' {found.advice}' if found.advice else ''}"
    percent = f"{100 * found.level:.3g} %"
    share = f"{len(closed)} of {counted(len(found.parameters), 'parameter')}"
    if len(closed) == len(found.parameters):
        share = "all parameters" if len(closed) > 1 else "the one parameter"
    start = (
        f"At {percent}, the trials bound {share} within the searched ranges"
        if closed
        else (f"At {percent}, the trials bound no parameter within its searched range")
    )
    return f"{start}; this rests on {counted(found.trials, 'trial')} near the best."


def how_found(found: Intervals) -> str:
    """The method and its limits, in a few words."""
    if found.reason or found.rise is None:
        return ""
    text = (
        "A quadratic surface through the losses near the best; a parameter's interval ends where the loss, with all others"
        f" free, rises by {fmt(float(f'{found.rise:.3g}'))}"
    )
    if found.method == LIKELIHOOD:
        text += ": a profile likelihood. It holds as far as the likelihood does (the right noise, independent observations)."
    else:
        what = "mean absolute residual" if found.method == ABSOLUTE else "residual variance"
        text += (
            f", scaled by the {what} of the best fit. A distance is not a likelihood: correlated residuals, such as those"
            " of an epidemic, make such intervals too narrow."
        )
    return f"{text} The noise of a loss is about {fmt(float(f'{found.noise or 0.0:.2g}'))}."


def not_identified(
    found: Intervals, parameters: Sequence[Searched], best: Trial | None, full: Sequence[Trial]
) -> list[Caution]:
    """What the data do not fix, and what sits on a bound; none if every parameter is bounded."""
    said = [Caution(CautionKind.RIDGE, ridge.says) for ridge in found.ridges]
    params = (best.params or {}) if best is not None else {}
    if not found.reason:
        open_ones = [i.name for i in found.parameters if i.low_open and i.high_open]
        if open_ones:
            said.append(_little_said(open_ones, "any value of the range fits about as well"))
    elif wide := [parameter.name for parameter in parameters if (spread(parameter, best_tenth(full)) or 0.0) > WIDE]:
        said.append(_little_said(wide, "the best sets spread over most of the range"))
    bounds = {parameter.name: _bound(parameter, params, found) for parameter in parameters}
    bound = [Caution(CautionKind.BOUND, text) for text in bounds.values() if text]
    if unknown := bounds_unknown(parameters):
        bound.append(Caution(CautionKind.BOUNDS_UNKNOWN, unknown))
    told = {name for name, text in bounds.items() if text}
    told |= {name for ridge in found.ridges for name in ridge.names}
    for interval in found.parameters:
        if interval.low is None or interval.name in told or not (interval.low_open or interval.high_open):
            continue
        side, end = ("below", interval.low) if interval.low_open else ("above", interval.high)
        text = f"{interval.name} may as well lie {side} {fmt(end)}, the end of its range."
        said.append(Caution(CautionKind.BOUND, text))
    return said + bound + _choices(parameters, full)


def _little_said(names: Sequence[str], why: str) -> Caution:
    return Caution(CautionKind.NOT_IDENTIFIED, f"The data say little about {listed(names)}: {why}.")


def _bound(parameter: Searched, params: Mapping[str, Scalar], found: Intervals) -> str:
    """A sentence if the best value sits on a bound, or near one that its interval does not exclude; else empty."""
    interval = found.of(parameter.name)
    closed = interval is not None and interval.is_closed
    return on_bound(parameter, params) or near_bound(parameter, params, excluded=closed)


def _choices(parameters: Sequence[Searched], full: Sequence[Trial]) -> list[Caution]:
    top = best_tenth(full)
    said: list[Caution] = []
    for parameter in parameters:
        chosen = [(trial.params or {}).get(parameter.name) for trial in top]
        if parameter.choices and len(top) >= 5 and max(map(chosen.count, parameter.choices)) < 0.7 * len(top):
            text = f"The {len(top)} best sets do not agree on {parameter.name}."
            said.append(Caution(CautionKind.NOT_IDENTIFIED, text))
    return said


def spread(parameter: Searched, top: Sequence[Trial]) -> float | None:
    """The share of its range over which the values of the sets spread; None for choices, unknown bounds and too few sets."""
    values = [v for t in top if isinstance(v := (t.params or {}).get(parameter.name), int | float)]
    if parameter.low is None or len(values) < 5:
        return None
    return abs(parameter.share(max(values)) - parameter.share(min(values)))
