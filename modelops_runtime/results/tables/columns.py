"""Typed Parquet columns from values that come from JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime

import pyarrow as pa

_INT64 = range(-(2**63), 2**63)


def type_of(values: Iterable[object]) -> pa.DataType:
    """The type that holds all `values` except None: bool, int64, double, date32 or timestamp; otherwise text."""
    kinds = {_kind(value) for value in values if value is not None}
    if len(kinds) == 1:
        return kinds.pop()
    if kinds and kinds <= {pa.int64(), pa.float64()}:
        return pa.float64()
    return pa.string()


def _kind(value: object) -> pa.DataType:
    if isinstance(value, bool):
        return pa.bool_()
    if isinstance(value, int):
        return pa.int64() if value in _INT64 else pa.string()
    if isinstance(value, float):
        return pa.float64()
    if isinstance(value, datetime):
        return pa.timestamp("us", tz="UTC") if value.tzinfo else pa.timestamp("us")
    return pa.date32() if isinstance(value, date) else pa.string()


def column(values: Sequence[object], type_: pa.DataType) -> pa.Array:
    """`values` as an array of `type_`; in a column of text, other values are written as JSON or ISO text."""
    if type_ == pa.string():
        return pa.array([_text(value) for value in values], type_)
    if type_ == pa.float64():
        return pa.array([None if value is None else float(value) for value in values], type_)  # type: ignore[arg-type]
    return pa.array(values, type_)


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return value.isoformat() if isinstance(value, date) else json.dumps(value)
