"""Reads the cells of a row. For a damaged cell, the error names the row, the column and what is wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import NoneType
from typing import Any, Protocol

from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.contracts.plain_text import plain_line

_QUOTED = 80
"""Characters of a damaged cell that are quoted."""


class Damaged(LedgerError):
    """A row cannot be read: `Damaged("run 'flu', trial 3: column params ...")`. The caller adds which ledger it is."""


class Row(Protocol):
    """A row of a statement's result: a named tuple of cells, as the driver returns them; its fields are the columns."""

    _fields: tuple[str, ...]

    def _asdict(self) -> dict[str, Any]: ...

    def __iter__(self) -> Iterator[Any]: ...

    def __getattr__(self, column: str, /) -> Any: ...


Rows = Sequence[Row]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the rows that a query returns."""

    name: str
    kinds: tuple[type, ...]
    """Types that the driver may return for a cell; NoneType among them if it may be NULL."""
    read: Callable[[Any], Any] | None = None
    """Turns a cell that is not NULL into the value. Its ValueError says what is wrong; the column's name is put before it."""


TEXT, WHOLE, REAL, FLAG, BYTES = (str,), (int,), (float, int), (bool, int), (bytes,)

_WORDS: Mapping[type, str] = {
    str: "text", int: "a whole number", float: "a number", bool: "true or false", bytes: "bytes", NoneType: "nothing",
}  # fmt: skip


def or_null(kinds: tuple[type, ...]) -> tuple[type, ...]:
    return (*kinds, NoneType)


class Columns:
    """The columns of a query, with what each may hold."""

    def __init__(self, *columns: Column) -> None:
        self._columns = {column.name: column for column in columns}
        self._read = [(column.name, column.read) for column in columns if column.read is not None]
        # Rows have few combinations of cell types. Each is checked once, and the verdict is kept.
        self._wrong_kind = lru_cache(maxsize=256)(self._first_of_wrong_kind)

    def of(self, row: Row, where: Callable[[Row], str]) -> dict[str, Any]:
        """Column -> the value of its cell. `where` names the row in errors. Raises Damaged."""
        wrong = self._wrong_kind(type(row), tuple(map(type, row)))
        if wrong is not None:
            raise Damaged(f"{where(row)}: column {wrong}")
        cells = row._asdict()
        for name, read in self._read:
            cell = cells[name]
            if cell is None:
                continue
            try:
                cells[name] = read(cell)
            except (ValueError, OverflowError, RecursionError) as error:
                raise Damaged(f"{where(row)}: column {name} {plain_line(str(error), limit=3 * _QUOTED)}") from error
        return cells

    def _first_of_wrong_kind(self, record: type[Row], kinds: tuple[type, ...]) -> str | None:
        for name, kind in zip(record._fields, kinds, strict=True):
            column = self._columns[name]
            if not issubclass(kind, column.kinds) or (kind is bool and bool not in column.kinds):
                wanted = _WORDS[column.kinds[0]]
                return f"{column.name} holds {_WORDS.get(kind, kind.__name__)}, where {wanted} is meant"
        return None


def json_object(cell: str) -> dict[str, Any]:
    """The JSON object in a cell, with lone surrogates replaced by `?`. Raises ValueError."""
    try:
        value = json.loads(cell)
    except ValueError as error:
        raise ValueError(f"holds no JSON ({error}): {cell[:_QUOTED]!r}") from error
    except RecursionError as error:
        raise ValueError("holds JSON that is nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError(f"holds {cell[:_QUOTED]!r}, where a JSON object is meant")
    if "\\ud" in cell or "\\uD" in cell:
        value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    return value


def json_object_of(check: Callable[[dict[str, Any]], object]) -> Callable[[str], dict[str, Any]]:
    """A reader of JSON objects; `check` raises ValueError for a wrong one."""

    def read(cell: str) -> dict[str, Any]:
        value = json_object(cell)
        check(value)
        return value

    return read


def one_of(words: Iterable[str]) -> Callable[[str], str]:
    """A reader of one of these words; given a StrEnum, it returns the member."""
    known = {str(word): word for word in words}

    def read(cell: str) -> str:
        if cell not in known:
            raise ValueError(f"holds {cell[:_QUOTED]!r}; it must be one of {', '.join(known)}")
        return known[cell]

    return read


def finite(cell: float) -> float:
    """The number itself. Raises ValueError if it is not finite."""
    if not math.isfinite(cell):
        raise ValueError(f"holds {cell}, where a finite number is meant")
    return cell
