"""Output tables -> one vector of aligned values. Runs on the worker, after each simulation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from modelops_runtime.contracts.failures import BadOutput, Complaint
from modelops_runtime.evaluation import keys
from modelops_runtime.evaluation import match as matching
from modelops_runtime.evaluation.match import Match, TwoRows
from modelops_runtime.evaluation.observation_times import observation_times
from modelops_runtime.evaluation.observed_keys import key_texts
from modelops_runtime.evaluation.target_aligner import TargetAligner
from modelops_runtime.models.restartable import Time
from modelops_runtime.statistics.array import Array

SHOWN = 3
"""How many unmatched observations a message names."""


@dataclass(slots=True, eq=False)
class Aligner:
    """Matches output with the observations of all targets. Picklable, without its cache.

    Tables of one model mostly have the same key columns, so the last match of each target is cached and
    reused when they are equal. Not thread-safe.
    """

    targets: tuple[TargetAligner, ...]
    _last: dict[str, tuple[list[pa.ChunkedArray], Match]] = field(default_factory=dict, repr=False)
    _learnt: list[tuple[TargetAligner, dict[str, Array], Match]] = field(default_factory=list, repr=False)

    def __reduce__(self) -> tuple[type[Aligner], tuple[tuple[TargetAligner, ...]]]:
        return Aligner, (self.targets,)

    @property
    def size(self) -> int:
        """Observations of all targets."""
        return sum(len(target.keys.groups) for target in self.targets)

    def align(self, tables: Mapping[str, pa.Table]) -> Array:
        """Aligned values float64 [observations], target after target; NaN where `min_coverage` allows no match.

        Raises BadOutput: with the paths of all targets where output and spec disagree, without a path for a
        matched value that is not finite (a failure of the model at these parameters).
        """
        parts: list[Array] = []
        odds: list[Complaint] = []
        for target in self.targets:
            try:
                parts.append(self._align(target, tables))
            except BadOutput as error:
                if not error.path:
                    raise
                odds += error.complaints
        if odds:
            raise BadOutput.of(odds)
        return np.concatenate(parts) if len(parts) > 1 else parts[0]

    def times(self) -> Sequence[Time]:
        """Those through which a restartable model is advanced. Raises BadOutput for keys without one order."""
        return observation_times(self.targets).untils if self.targets else ()

    def last_match(self, target: str) -> Match:
        """How `align` has just matched a target."""
        return self._last[target][1]

    def align_arrays(self, arrays: Mapping[str, Array]) -> Array | None:
        """The same for a single output of plain numpy columns whose keys equal the learnt ones.

        None: use `align`, also for values that are not finite, since it raises the error.
        """
        parts: list[Array] = []
        for target, known, match in self._learnt:
            values = arrays.get(target.value)
            if values is None or not all(_same(arrays.get(name), column) for name, column in known.items()):
                return None
            aligned = match.apply(values.astype(np.float64, copy=False))
            if not math.isfinite(aligned.sum()):
                return None
            parts.append(aligned)
        if not parts:
            return None
        return np.concatenate(parts) if len(parts) > 1 else parts[0]

    def learn(self, arrays: Mapping[str, Array]) -> None:
        """Cache the keys of columns whose table `align` has just aligned, unless observations were unmatched."""
        self._learnt.clear()
        found = [
            (target, {name: arrays[name].copy() for name in target.keys.names}, self._last[target.name][1])
            for target in self.targets
        ]
        if all(match.whole for _, _, match in found):
            self._learnt.extend(found)

    def _align(self, target: TargetAligner, tables: Mapping[str, pa.Table]) -> Array:
        name, table = _table(target, tables)
        names = target.keys.names
        present = table.column_names
        for wanted in names:
            if present.count(wanted) != 1:
                raise _no_column(present, wanted, name, target.path("match"))
        if present.count(target.value) != 1:
            raise _no_column(present, target.value, name, target.path("value"))
        match = self._match(target, name, [table.column(key) for key in names])
        whole = match.whole
        if not whole:
            _check_coverage(target, name, match, table)
        aligned = match.apply(_values(target, name, table))
        if whole and math.isfinite(aligned.sum()):
            return aligned
        bad = match.matched & ~np.isfinite(aligned)
        if bad.any():
            at = int(np.argmax(bad))
            raise BadOutput(f"{target.value} of output {name!r} is {aligned[at]:g} for {target.keys.texts[at]}")
        return np.where(match.matched, aligned, np.nan)

    def _match(self, target: TargetAligner, name: str, columns: list[pa.ChunkedArray]) -> Match:
        last = self._last.get(target.name)
        if last is not None and all(a.equals(b) for a, b in zip(columns, last[0], strict=True)):
            return last[1]
        flat = [keys.flat(column) for column in columns]
        try:
            match = match_rows(target, flat)
        except TwoRows as error:
            row = error.args[0]
            texts = key_texts({key: column.slice(row, 1) for key, column in zip(target.keys.names, flat, strict=True)})
            text = f"output {name!r} has two rows for {texts[0]}"
            raise BadOutput(text, target.path("match"), right="match by a further column, or sum") from None
        self._last[target.name] = (columns, match)
        return match


def _same(values: Array | None, known: Array) -> bool:
    """Whether both have one type and equal values; NaN equals nothing, as in Arrow."""
    if values is None or values.dtype != known.dtype or values.shape != known.shape:
        return False
    return bool((values == known).all())


def match_rows(target: TargetAligner, columns: list[pa.Array]) -> Match:
    """The match of output with these (flat) key columns, in the order of `target.keys.names`. Raises TwoRows, BadOutput."""
    observed = target.keys
    times, labels = np.zeros(0), columns
    try:
        if observed.time_name is not None:
            times, labels = keys.numbers(columns[0], observed.time_type), columns[1:]
        groups = observed.groups_of(labels) if observed.labels else np.zeros(len(times), dtype=np.intp)
    except keys.KeyMismatch:
        raise _mismatch(target, columns) from None
    if target.kind == "exact":
        return matching.exact(observed.groups, groups)
    if target.kind == "sum" and target.period is None:
        return matching.label_sum(observed.groups, groups)
    slack = keys.INSTANT_SLACK if observed.time_type is keys.KeyType.INSTANT else keys.SLACK
    if target.kind == "asof":
        return matching.asof(observed.groups, observed.times, groups, times, target.tolerance or 0.0, slack)
    if target.kind == "interpolate":
        return matching.interpolated(observed.groups, observed.times, groups, times, slack)
    return matching.period_sum(observed.groups, observed.times, groups, times, target.period or 0.0, slack)


def _table(target: TargetAligner, tables: Mapping[str, pa.Table]) -> tuple[str, pa.Table]:
    path = target.path("output")
    returned = ", ".join(tables) or "none"
    if target.output is None:
        if len(tables) != 1:
            raise BadOutput(f"no output is named and the model returns several: {returned}", path)
        return next(iter(tables.items()))
    if target.output not in tables:
        raise BadOutput(f"the model does not return {target.output!r}", path, right=f"it returns {returned}")
    return target.output, tables[target.output]


def _no_column(present: list[str], wanted: str, name: str, path: str) -> BadOutput:
    count = present.count(wanted)
    wrong = f"has {count} columns {wanted!r}" if count else f"has no column {wanted!r}"
    return BadOutput(f"output {name!r} {wrong}", path, right=f"its columns: {', '.join(present)}")


def _values(target: TargetAligner, name: str, table: pa.Table) -> Array:
    column = keys.flat(table.column(target.value))
    if not keys.is_numeric(column.type):
        wrong = f"{target.value} of output {name!r} holds {column.type}, no numbers"
        raise BadOutput(wrong, target.path("value"))
    return keys.as_float(column)


def _check_coverage(target: TargetAligner, name: str, match: Match, table: pa.Table) -> None:
    matched, total = int(match.matched.sum()), len(match.matched)
    if matched >= target.min_coverage * total - 1e-9 and matched:
        return
    texts = target.keys.texts
    missing = [texts[i] for i in np.flatnonzero(~match.matched)]
    more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
    listed = " / ".join(missing[:SHOWN])
    text = f"matched {matched} of {total} observations: {_no_row(target)} {listed}{more} in output {name!r}"
    right = "simulate these too, or lower min_coverage"
    raise BadOutput(f"{text}{_unknown_labels(target, table)}", target.path("match"), right=right)


def _no_row(target: TargetAligner) -> str:
    if target.kind == "asof":
        return f"no row up to {target.tolerance:g} before"
    if target.kind == "interpolate":
        return "no rows on both sides of"
    return "no row for" if target.period is None else "no rows that cover the period before"


def _unknown_labels(target: TargetAligner, table: pa.Table) -> str:
    """The first observed label that the output lacks."""
    for label in target.keys.labels:
        if not isinstance(label.known, tuple):
            continue
        there = sorted(str(value) for value in set(keys.flat(table.column(label.name)).to_pylist()))
        if lacking := next((value for value in label.known if value not in there), None):
            return f", which has no {label.name} {lacking!r} but {', '.join(there[:5])}"
    return ""


def _mismatch(target: TargetAligner, columns: list[pa.Array]) -> BadOutput:
    """Which key column cannot be compared, and why."""
    observed = target.keys
    wanted = [(label.name, label.type) for label in observed.labels]
    if observed.time_name is not None:
        wanted.insert(0, (observed.time_name, observed.time_type))
    for (name, kind), column in zip(wanted, columns, strict=False):
        try:
            keys.text(column) if kind is keys.KeyType.TEXT else keys.numbers(column, kind)
        except keys.KeyMismatch as error:
            return BadOutput(f"column {name!r} {error}", target.path("match"))
    return BadOutput("key columns cannot be compared with the data's", target.path("match"))
