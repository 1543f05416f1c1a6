"""The observed side of a target's alignment, normalised once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelops_runtime.evaluation import keys
from modelops_runtime.evaluation.keys import KeyType
from modelops_runtime.evaluation.match import Rows
from modelops_runtime.statistics.array import Array


@dataclass(frozen=True, slots=True, eq=False)
class KeyColumn:
    """A column whose values are compared for equality."""

    name: str
    type: KeyType
    known: Array | tuple[str, ...]
    """The observed values, sorted, each once."""

    @classmethod
    def of(cls, name: str, column: pa.Array) -> KeyColumn:
        kind = keys.type_of(column)
        if kind is KeyType.TEXT:
            return cls(name, kind, tuple(sorted(set(column.to_pylist()))))
        return cls(name, kind, np.unique(keys.numbers(column, kind)))

    def codes(self, column: pa.Array) -> Rows:
        """The index of each value among the observed ones, -1 if absent. Raises KeyMismatch."""
        if isinstance(self.known, tuple):
            known = keys.text_of(self.known)
            found = pc.index_in(keys.text(column), value_set=known)  # pyright: ignore[reportAttributeAccessIssue]
            return keys.as_float(found.fill_null(-1)).astype(np.intp)
        values = keys.numbers(column, self.type)
        return keys.codes_of(values, self.known, exact=self.type is KeyType.INSTANT)


@dataclass(frozen=True, slots=True, eq=False)
class ObservedKeys:
    """Keys of N observations: groups of equal label columns, and times where the match has an order."""

    labels: tuple[KeyColumn, ...]
    known_groups: Rows
    """Combined codes that were observed, sorted."""
    groups: Rows
    """[N], places in known_groups"""
    time_name: str | None
    time_type: KeyType
    times: Array
    """[N], empty without a time"""
    texts: tuple[str, ...]
    """[N]: `day = 15, region = north`"""
    axis: Array
    """[N]: the matched column as numbers, whether or not the match has an order; empty for text"""
    axis_type: KeyType

    @property
    def names(self) -> tuple[str, ...]:
        """The key columns that output must have."""
        own = tuple(label.name for label in self.labels)
        return own if self.time_name is None else (self.time_name, *own)

    def at(self, rows: Rows) -> ObservedKeys:
        """Those of some observations."""
        times, axis = (x[rows] if len(x) else x for x in (self.times, self.axis))
        texts = tuple(self.texts[row] for row in rows.tolist())
        return replace(self, groups=self.groups[rows], times=times, texts=texts, axis=axis)

    def groups_of(self, columns: Sequence[pa.Array]) -> Rows:
        """The group of each output row, from its label columns; -1 for one that was not observed."""
        if not self.labels:
            raise ValueError("there are no labels")
        codes = [label.codes(column) for label, column in zip(self.labels, columns, strict=True)]
        combined = _combined(self.labels, codes)
        place = np.searchsorted(self.known_groups, combined).clip(0, len(self.known_groups) - 1)
        return np.where(self.known_groups[place] == combined, place, -1)


def observed_keys(table: pa.Table, *, on: str, by: Sequence[str], ordered: bool) -> ObservedKeys:
    """Keys of all rows of `table`; `ordered`: `on` is a time, otherwise a label like those of `by`.

    Raises KeyMismatch where `on` is text and must have an order.
    """
    flat = {name: keys.flat(table.column(name)) for name in (on, *by)}
    labels = tuple(KeyColumn.of(name, flat[name]) for name in (by if ordered else (on, *by)))
    combined = _combined(labels, [label.codes(flat[label.name]) for label in labels])
    if not labels:
        combined = np.zeros(len(table), dtype=np.intp)
    known, groups = np.unique(combined, return_inverse=True)
    kind = keys.type_of(flat[on])
    if ordered and kind is KeyType.TEXT:
        raise keys.KeyMismatch(f"holds text, which has no order ({_first_not_a_date(flat[on])})")
    return ObservedKeys(
        labels=labels,
        known_groups=known,
        groups=groups.astype(np.intp),
        time_name=on if ordered else None,
        time_type=kind,
        times=keys.numbers(flat[on], kind) if ordered else np.zeros(0),
        texts=key_texts({name: flat[name] for name in (on, *by)}),
        axis=np.zeros(0) if kind is KeyType.TEXT else keys.numbers(flat[on], kind),
        axis_type=kind,
    )


def _first_not_a_date(column: pa.Array) -> str:
    row, value = next((i, v) for i, v in enumerate(column.to_pylist(), 1) if not keys.is_iso(v))
    return f"row {row}: {value!r} is no date; dates are written 2024-01-31"


def key_texts(columns: dict[str, pa.Array]) -> tuple[str, ...]:
    """`day = 15, region = north` for each row."""
    listed = [[f"{name} = {plain(value)}" for value in column.to_pylist()] for name, column in columns.items()]
    return tuple(", ".join(row) for row in zip(*listed, strict=True))


def plain(value: object) -> str:
    """A key as text for people: 15, 0.5, 1978-01-22, north."""
    if isinstance(value, float):
        return f"{value:g}"
    text = str(value)
    return text.removesuffix(" 00:00:00")


def _combined(labels: Sequence[KeyColumn], codes: Sequence[Rows]) -> Rows:
    """One number for the codes of all labels, -1 where any is."""
    total = np.zeros(len(codes[0]) if codes else 0, dtype=np.intp)
    unknown = np.zeros(len(total), dtype=bool)
    for label, code in zip(labels, codes, strict=True):
        total = total * len(label.known) + code
        unknown |= code < 0
    return np.where(unknown, -1, total)
