"""Observed data: read from CSV or Parquet, and checked against a target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelops_runtime.options.base import Loc, Mistake
from modelops_runtime.specs.scalars import nearest, shown
from modelops_runtime.specs.targets import TargetSpec

PARQUET = (".parquet", ".pq")


class Unreadable(Exception):
    """A file that cannot be read as a table: `Unreadable(wrong, right)`."""


def read_table(file: Path, shown_as: str) -> pa.Table:
    """All columns of a CSV (UTF-8, comma; ISO dates are dates; empty, NA and NaN are missing) or Parquet file.

    Names are stripped of blanks around them. Raises Unreadable; `shown_as` is the file's name in its text.
    """
    try:
        is_file, exists = file.is_file(), file.exists()
    except OSError as error:
        raise Unreadable(
            f"{shown(shown_as)} is no file name: {error.strerror}", "name a CSV or Parquet file"
        ) from error
    if not is_file:
        raise Unreadable(f"{shown_as} is a folder" if exists else f"there is no file {shown_as}", _beside(file))
    suffix = file.suffix.lower()
    if suffix != ".csv" and suffix not in PARQUET:
        raise Unreadable(f"{shown_as} is neither .csv nor .parquet", "give a CSV or Parquet file")
    try:
        table = _read_csv(file.read_bytes(), shown_as) if suffix == ".csv" else _read_parquet(file)
    except (pa.ArrowInvalid, pa.ArrowException, OSError) as error:
        text = str(error).splitlines()[0].removeprefix("CSV parse error: ")
        right = "each row has as many values as the header" if suffix == ".csv" else "give a file that is whole"
        raise Unreadable(f"{shown_as} cannot be read: {text}", right) from error
    table = table.rename_columns([name.strip() for name in table.column_names])
    twice = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if twice:
        raise Unreadable(f"{shown_as} has the column {twice[0]!r} twice", "give each column a name of its own")
    if table.num_rows == 0:
        raise Unreadable(f"{shown_as} has no rows", "give at least one observation")
    return table


def _beside(file: Path) -> str:
    """A hint at a file that may have been meant."""
    folder = file.parent
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_file()) if folder.is_dir() else []
    near = nearest(file.name, names)
    return f"did you mean {near}?" if near else "name a CSV or Parquet file, from the spec's folder"


def _read_csv(data: bytes, shown_as: str) -> pa.Table:
    import pyarrow.csv as csv

    if not data.strip():
        raise Unreadable(f"{shown_as} is empty", "give a header and at least one row")
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Unreadable(f"{shown_as} is not UTF-8 (line {line})", "save it as UTF-8") from error
    header = data.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0]
    if b"," not in header and (mark := next((mark for mark in (b";", b"\t") if mark in header), None)):
        name = "semicolons" if mark == b";" else "tabs"
        raise Unreadable(f"{shown_as} has {name} between its columns", "separate them by commas")
    # One block, so that a column's type follows from all of its values.
    options = csv.ReadOptions(use_threads=False, block_size=len(data) + 1)
    return csv.read_csv(pa.BufferReader(data), read_options=options)


def _read_parquet(file: Path) -> pa.Table:
    import pyarrow.parquet as parquet

    table = parquet.read_table(file)
    for at, column in enumerate(table.columns):
        if pa.types.is_dictionary(column.type):
            table = table.set_column(at, table.column_names[at], column.cast(column.type.value_type))
    return table.replace_schema_metadata(None)


def check_target(target: TargetSpec, table: pa.Table, by_loc: Loc) -> list[Mistake]:
    """What the data lacks for this target, with positions inside the target. `by_loc` is the position of its `by`."""
    kind = target.match.kind
    wanted: list[tuple[Loc, str]] = [(("match", kind), target.match.on)]
    wanted += [((*by_loc, at), column) for at, column in enumerate(target.match.by)]
    wanted.append((("value", "observed"), target.observed_column))
    found = [
        Mistake(loc, f"{target.observed} has no column {column!r}", _columns(column, table))
        for loc, column in wanted
        if column not in table.column_names
    ]
    if target.observed_column in table.column_names:
        found += _value_mistakes(target, table)
    return found or _key_mistakes(target, table)


def _columns(column: str, table: pa.Table) -> str:
    near = nearest(column, table.column_names)
    return f"did you mean {near!r}?" if near else f"its columns are {', '.join(table.column_names)}"


def _value_mistakes(target: TargetSpec, table: pa.Table) -> list[Mistake]:
    name, loc = target.observed_column, ("value", "observed")
    column = table.column(name)
    types = pa.types
    if types.is_null(column.type):
        return [Mistake(loc, f"all values of {name!r} in {target.observed} are missing", "give at least one number")]
    if not (types.is_integer(column.type) or types.is_floating(column.type) or types.is_decimal(column.type)):
        row, value = _first_not_number(column.to_pylist())
        return [
            Mistake(loc, f"{name!r} in {target.observed} holds {shown(value)} (row {row})", "observations are numbers")
        ]
    values = column.to_pylist()
    if infinite := next((row for row, value in enumerate(values, 1) if value is not None and math.isinf(value)), None):
        return [Mistake(loc, f"{name!r} in {target.observed} is infinite in row {infinite}", "observations are finite")]
    if all(_is_missing(value) for value in values):
        return [Mistake(loc, f"all values of {name!r} in {target.observed} are missing", "give at least one number")]
    return []


def _first_not_number(values: Sequence[Any]) -> tuple[int, Any]:
    """The first value that is not a number, with its row from 1."""
    for row, value in enumerate(values, 1):
        try:
            float(value if isinstance(value, str) and value else "0")
        except ValueError:
            return row, value
    return next((row, value) for row, value in enumerate(values, 1) if value not in (None, ""))


def _key_mistakes(target: TargetSpec, table: pa.Table) -> list[Mistake]:
    """Observations must differ in the matched column or the groups; rows without a value do not count."""
    names = (target.match.on, *target.match.by)
    keys = list(zip(*(table.column(name).to_pylist() for name in names), strict=True))
    first: dict[tuple[Any, ...], int] = {}
    for row, (key, value) in enumerate(zip(keys, table.column(target.observed_column).to_pylist(), strict=True), 1):
        if _is_missing(value):
            continue
        if lacking := [name for name, part in zip(names, key, strict=True) if _is_missing(part) or part == ""]:
            wrong = f"{target.observed} has an observation without {lacking[0]!r} (row {row})"
            return [Mistake(("observed",), wrong, "fill it in, or leave the row out")]
        if key in first:
            said = ", ".join(f"{name} {part}" for name, part in zip(names, key, strict=True))
            wrong = f"{target.observed} has {said} twice (rows {first[key]} and {row})"
            return [Mistake(("observed",), wrong, "keep one, or tell them apart with match.by")]
        first[key] = row
    return []


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
