"""Which rows of which step belong to which observation, learnt from one simulation and checked for every particle.

The rows of a particle's steps have mostly the same keys as those of any other. Then the values of all particles are
taken from the columns at once, without a table for each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelops_runtime.contracts.failures import BadOutput
from modelops_runtime.evaluation.align import Aligner
from modelops_runtime.evaluation.match import Match, Rows
from modelops_runtime.evaluation.target_aligner import TargetAligner
from modelops_runtime.models.restartable import joined
from modelops_runtime.models.tables import to_tables
from modelops_runtime.statistics.array import Array

_COLUMNS = (np.ndarray, list, tuple)


class OtherKeys(Exception):
    """A particle's rows have other keys than those learnt, or are no columns."""


@dataclass(frozen=True, slots=True, eq=False)
class TargetRows:
    """What one step's rows add to one target's observations."""

    target: TargetAligner
    known: Mapping[str, Any]
    """Key column -> its values in this step, as the model gave them; empty for a step without rows."""
    table: str | None
    """The name of the table within the step's rows; None if they are its columns."""
    count: int
    """Rows of the step."""
    rounds: tuple[tuple[Rows, Rows], ...]
    """(rows of the step, observations): each observation at most once in a round, in the order in which they are added up."""

    def add_to(self, values: Array, rows: Any) -> None:
        """Add the rows of P particles to `values` [N, P]: a list of P, or one for all. Raises OtherKeys."""
        if type(rows) is dict:
            self._add_common(values, rows)
            return
        if not self.known:
            if any(_length(table_in(self.target, part)) for part in rows):
                raise OtherKeys
            return
        tables = rows if self.table is None else _columns(rows, self.table)
        for name, known in self.known.items():
            if not _all_equal(_columns(tables, name), known):
                raise OtherKeys
        if self.rounds:
            self._add(values, _matrix(_columns(tables, self.target.value), self.count))

    def _add_common(self, values: Array, rows: Any) -> None:
        """Rows whose value columns are [P, rows], or [rows] where all particles have the same."""
        table = table_in(self.target, rows)
        if not self.known:
            if table and any(len(table.get(name, ())) for name in self.target.keys.names):
                raise OtherKeys
            return
        for name, known in self.known.items():
            column = _columns([table], name)[0]
            same = column == known if type(column) is type(known) is list else np.array_equal(column, known)
            if not same:
                raise OtherKeys
        if not self.rounds:
            return
        simulated = np.asarray(_columns([table], self.target.value)[0])
        if simulated.dtype.kind not in "biuf" or simulated.shape[-1:] != (self.count,) or simulated.ndim > 2:
            raise OtherKeys
        particles = values.shape[1]
        if simulated.ndim == 2 and len(simulated) != particles:
            raise OtherKeys
        self._add(values, np.broadcast_to(simulated, (particles, self.count)))

    def _add(self, values: Array, simulated: NDArray[Any]) -> None:
        """`simulated` is [P, rows]."""
        of_rows = np.ascontiguousarray(simulated.T, dtype=np.float64)
        for taken, owners in self.rounds:
            values[owners] += of_rows[taken]


@dataclass(frozen=True, slots=True, eq=False)
class StepRows:
    """The rows of all T steps."""

    steps: tuple[tuple[TargetRows, ...], ...]
    """[T]: each target's, in each step."""
    open: tuple[Rows, ...]
    """[T]: observations that have a value after the step, or a part of it, and are complete in a later one only."""


def learn_rows(aligner: Aligner, rows: Sequence[Any], due: Rows) -> StepRows:
    """From the rows of each step of one simulation [T]; `due` [N] is the step in which each observation is complete.

    Raises BadOutput as `Aligner.align` does, and for a row that comes after its observation; OtherKeys for data frames.
    """
    aligner.align(to_tables(joined(rows)))
    each: list[list[TargetRows]] = [[] for _ in rows]
    first = np.full(len(due), len(rows))
    start = 0
    for target in aligner.targets:
        match = aligner.last_match(target.name)
        stop = start + len(target.keys.groups)
        for step, part in enumerate(_of_target(target, match, rows, due[start:stop])):
            each[step].append(replace(part, rounds=tuple((taken, owners + start) for taken, owners in part.rounds)))
            for _, owners in part.rounds:
                first[start + owners] = np.minimum(first[start + owners], step)
        start = stop
    opened = tuple(np.flatnonzero((first <= step) & (due > step)) for step in range(len(rows)))
    return StepRows(tuple(map(tuple, each)), opened)


def _of_target(target: TargetAligner, match: Match, rows: Sequence[Any], due: Rows) -> list[TargetRows]:
    if match.rows is None or match.owners is None:
        raise OtherKeys
    tables = [table_in(target, part) for part in rows]
    counts = list(map(_length, tables))
    ends = np.cumsum(counts)
    steps = np.searchsorted(ends, match.rows, side="right")
    if len(late := np.flatnonzero(steps > due[match.owners])):
        owner = match.owners[late[0]]
        raise BadOutput(
            f"the row for {target.keys.texts[owner]} comes after the step to it: advance(state, params, rng, until) returns "
            "all rows up to and including until",
            target.path("match"),
        )
    found: list[TargetRows] = []
    for step, (table, count) in enumerate(zip(tables, counts, strict=True)):
        mine = steps == step
        taken, owners = match.rows[mine] - (ends[step] - count), match.owners[mine]
        known = {name: table[name] for name in target.keys.names} if table is not None and count else {}
        found.append(TargetRows(target, known, _name_of(table, rows[step]), count, _rounds(taken, owners)))
    return found


def _rounds(taken: Rows, owners: Rows) -> tuple[tuple[Rows, Rows], ...]:
    """The k-th row of each owner in round k."""
    turn = np.zeros(len(owners), dtype=np.intp)
    seen: dict[int, int] = {}
    for at, owner in enumerate(owners.tolist()):
        turn[at] = seen.get(owner, 0)
        seen[owner] = int(turn[at]) + 1
    return tuple((taken[turn == k], owners[turn == k]) for k in range(max(seen.values(), default=0)))


def _length(table: Mapping[str, Any] | None) -> int:
    return max((len(column) for column in table.values()), default=0) if table else 0


def _name_of(table: Mapping[str, Any] | None, rows: Any) -> str | None:
    """Under which name a table is in a step's rows; None if it is these."""
    return None if table is None or table is rows else next(name for name, each in rows.items() if each is table)


def table_in(target: TargetAligner, rows: Any) -> Mapping[str, Any] | None:
    """The columns of the target's table in one step's rows; None where there is none. Raises OtherKeys for data frames."""
    if rows is None:
        return None
    if type(rows) is not dict:
        raise OtherKeys
    if not rows:
        return None
    first = next(iter(rows.values()))
    if type(first) in _COLUMNS:
        return rows
    table = first if target.output is None else rows.get(target.output)
    if table is not None and not isinstance(table, dict):
        raise OtherKeys
    return table


def _columns(tables: Sequence[Any], name: str) -> list[Any]:
    try:
        return [table[name] for table in tables]
    except (LookupError, TypeError) as error:
        raise OtherKeys from error


def _all_equal(columns: list[Any], known: Any) -> bool:
    """Whether each of the columns equals `known`, in type too."""
    kind = type(known)
    if set(map(type, columns)) != {kind}:
        return False
    if kind is not np.ndarray:
        return columns.count(known) == len(columns)
    if {column.dtype for column in columns} != {known.dtype} or {column.shape for column in columns} != {known.shape}:
        return False
    return bool((np.concatenate(columns).reshape(len(columns), len(known)) == known).all())


def _matrix(columns: list[Any], count: int) -> NDArray[Any]:
    """Columns of `count` numbers [P, count]. Raises OtherKeys for what is none."""
    try:
        if type(columns[0]) is np.ndarray:
            if set(map(len, columns)) != {count}:
                raise OtherKeys
            found = np.concatenate(columns).reshape(len(columns), count)
        else:
            found = np.array(columns)
    except (TypeError, ValueError) as error:
        raise OtherKeys from error
    if found.dtype.kind not in "biuf" or found.shape != (len(columns), count):
        raise OtherKeys
    return found
