"""Which output rows belong to which observation: pure functions of keys; a match serves every table with equal keys.

Groups are numbers (>= 0; a row of -1 belongs to no observed group). Times are float64: numbers, or days for dates.
`slack` is the relative tolerance within which two times are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelops_runtime.statistics.array import Array

Rows = NDArray[np.intp]


class TwoRows(ValueError):
    """Two output rows for one key: `TwoRows(row)`, the index of the second."""


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """How a column [M] becomes aligned values [N]."""

    matched: NDArray[np.bool_]
    """[N]"""
    apply: Callable[[Array], Array]
    """Output column [M] -> values [N]; undefined where nothing matched."""
    whole: bool = False
    """Whether every observation was matched."""
    rows: Rows | None = None
    """Where an observation's value is a sum of output rows: those rows, in the order in which they are added up..."""
    owners: Rows | None = None
    """... and the observation of each. None: the value is no such sum."""

    @classmethod
    def of(
        cls,
        matched: NDArray[np.bool_],
        apply: Callable[[Array], Array],
        rows: Rows | None = None,
        owners: Rows | None = None,
    ) -> Match:
        return cls(matched, apply, bool(matched.all()), rows, owners)


def exact(observed: Rows, simulated: Rows) -> Match:
    """The row of the same group. `observed` [N], `simulated` [M] are groups. Raises TwoRows."""
    known = np.flatnonzero(simulated >= 0)
    groups = simulated[known]
    row_of = np.full(1 + max(observed.max(initial=0), groups.max(initial=0)), -1, dtype=np.intp)
    row_of[groups[::-1]] = known[::-1]  # the first of several wins
    if len(twice := known[row_of[groups] != known]):
        raise TwoRows(int(twice[0]))
    return _take(row_of[observed])


def label_sum(observed: Rows, simulated: Rows) -> Match:
    """The sum of all rows of the same group."""
    known = np.flatnonzero(simulated >= 0)
    groups = simulated[known]
    size = 1 + max(observed.max(initial=0), groups.max(initial=0))
    present = np.bincount(groups, minlength=size) > 0

    def apply(values: Array) -> Array:
        sums = np.bincount(groups, weights=values[known], minlength=size)
        return np.asarray(sums[observed], dtype=np.float64)

    owner = np.full(size, -1, dtype=np.intp)
    owner[observed] = np.arange(len(observed))
    wanted = owner[groups] >= 0
    return Match.of(present[observed], apply, known[wanted], owner[groups][wanted])


def asof(observed: Rows, wanted: Array, simulated: Rows, times: Array, tolerance: float, slack: float) -> Match:
    """The last row of the group at or before the observation, no further than `tolerance` before. Raises TwoRows."""
    chosen = np.full(len(observed), -1, dtype=np.intp)
    for of_group, rows, at in _groups(observed, wanted, simulated, times, twice=False):
        want = wanted[of_group]
        last = np.searchsorted(at, want + _slack(want, slack), side="right") - 1
        near = (last >= 0) & (want - at[last.clip(0)] <= tolerance + _slack(want, slack))
        chosen[of_group] = np.where(near, rows[last.clip(0)], -1)
    return _take(chosen)


def interpolated(observed: Rows, wanted: Array, simulated: Rows, times: Array, slack: float) -> Match:
    """Linear interpolation between the rows on both sides; no extrapolation. Raises TwoRows."""
    low, high = np.full((2, len(observed)), -1, dtype=np.intp)
    share = np.zeros(len(observed))
    for of_group, rows, at in _groups(observed, wanted, simulated, times, twice=False):
        want = wanted[of_group]
        inside = (want >= at[0] - _slack(want, slack)) & (want <= at[-1] + _slack(want, slack))
        right = np.searchsorted(at, want).clip(0, len(at) - 1)
        left = np.where(at[right] > want, right - 1, right).clip(0)
        width = np.where(right > left, at[right] - at[left], 1.0)
        share[of_group] = ((want - at[left]) / width).clip(0, 1)
        low[of_group] = np.where(inside, rows[left], -1)
        high[of_group] = np.where(inside, rows[right], -1)

    def apply(values: Array) -> Array:
        at_high = values[high]
        return np.where(share == 0, values[low], values[low] * (1 - share) + at_high * share)

    return Match.of(low >= 0, apply)


def period_sum(observed: Rows, wanted: Array, simulated: Rows, times: Array, period: float, slack: float) -> Match:
    """The sum of the group's rows in (t - period, t].

    Unmatched when no row falls there, or when the period reaches beyond the simulated time (by a step, the median distance
    between the group's times, or more): a week of which five days were simulated is no week.
    """
    parts: list[Rows] = []
    owners: list[Rows] = []
    matched = np.zeros(len(observed), dtype=bool)
    for of_group, rows, at in _groups(observed, wanted, simulated, times, twice=True):
        want = wanted[of_group]
        start = np.searchsorted(at, want - period + _slack(want, slack), side="right")
        stop = np.searchsorted(at, want + _slack(want, slack), side="right")
        distinct = np.unique(at)
        step = float(np.median(np.diff(distinct))) if len(distinct) > 1 else period
        first_fits = want - period >= at[0] - step - _slack(want, slack)
        last_fits = want < at[-1] + step * (1 - 1e-6)
        matched[of_group] = (stop > start) & first_fits & last_fits
        for owner, a, b in zip(of_group, start, stop, strict=True):
            parts.append(rows[a:b])
            owners.append(np.full(b - a, owner, dtype=np.intp))
    chosen = np.concatenate(parts) if parts else np.zeros(0, dtype=np.intp)
    owner_of = np.concatenate(owners) if owners else np.zeros(0, dtype=np.intp)

    def apply(values: Array) -> Array:
        return np.asarray(np.bincount(owner_of, weights=values[chosen], minlength=len(observed)), dtype=np.float64)

    return Match.of(matched, apply, chosen, owner_of)


def _groups(
    observed: Rows, wanted: Array, simulated: Rows, times: Array, *, twice: bool
) -> Iterator[tuple[Rows, Rows, Array]]:
    """For each observed group with output: its observations, its rows in the order of time, and their times."""
    usable = np.flatnonzero((simulated >= 0) & ~np.isnan(times))
    order = usable[np.lexsort((times[usable], simulated[usable]))]
    groups, at = simulated[order], times[order]
    if not twice and len(same := np.flatnonzero((np.diff(groups) == 0) & (np.diff(at) <= 0))):
        raise TwoRows(int(order[same[0] + 1]))
    for group in np.unique(observed):
        a, b = np.searchsorted(groups, [group, group + 1])
        if b > a:
            yield np.flatnonzero(observed == group), order[a:b], at[a:b]


def _take(rows: Rows) -> Match:
    matched = rows >= 0
    return Match.of(matched, lambda values: values[rows], rows[matched], np.flatnonzero(matched))


def _slack(times: Array, slack: float) -> Array:
    return slack * np.maximum(1.0, np.abs(times))
