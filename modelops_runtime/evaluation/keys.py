"""Makes key columns comparable: dates, timestamps, ISO text and numbers of any type, in data and output."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from modelops_runtime.models.buffers import arrow_of_list
from modelops_runtime.statistics.array import Array

DAY_US = 86_400_000_000

SLACK = 1e-9
"""Relative tolerance within which two numbers are the same key: 0.1 summed thirty times is day 3."""

INSTANT_SLACK = 1e-12
"""The same for dates, whose numbers are large: about two milliseconds."""

_ISO = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?(Z|[+-]\d{2}:?\d{2})?$"
_FLOAT64 = pa.float64()
_ZONE = r"(Z|[+-]\d{2}:?\d{2})$"


class KeyType(Enum):
    """What a key column holds."""

    INSTANT = "dates"
    NUMBER = "numbers"
    TEXT = "text"


class KeyMismatch(ValueError):
    """An output column cannot be compared with the observed one; the text says what each holds."""


def flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """One array, dictionaries (categories) decoded; polars' string views, for which Arrow lacks kernels, as plain text."""
    array = column
    if isinstance(column, pa.ChunkedArray):
        array = (
            column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [pa.nulls(0, column.type)])
        )
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array.cast(pa.large_string()) if pa.types.is_string_view(array.type) else array


def type_of(column: pa.Array) -> KeyType:
    """What a (flat) key column holds; text whose every value is an ISO date is dates."""
    kind = column.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return KeyType.INSTANT
    if _is_number(kind):
        return KeyType.NUMBER
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise KeyMismatch(f"a column of {kind} cannot be a key")
    return KeyType.INSTANT if _is_iso(column) else KeyType.TEXT


def numbers(column: pa.Array, wanted: KeyType) -> Array:
    """A (flat) column of dates or numbers as float64; dates as days since 1970, by their own clock. Missing ones are NaN.

    Raises KeyMismatch when it holds something else.
    """
    found = KeyType.NUMBER if pa.types.is_null(column.type) else type_of(column)
    if found is not wanted:
        raise KeyMismatch(f"holds {found.value} in the output and {wanted.value} in the data")
    return _days(column) if wanted is KeyType.INSTANT else as_float(column)


def text(column: pa.Array) -> pa.Array:
    """A (flat) column of text. Raises KeyMismatch when it holds something else."""
    kind = column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise KeyMismatch(f"holds {type_of(column).value} in the output and text in the data")
    return column.cast(pa.large_string())


def text_of(values: Sequence[str]) -> pa.Array:
    """A column of these texts, to compare with those that `text` gives."""
    found = arrow_of_list(values) if values else None
    return pa.array(values, pa.large_string()) if found is None else found.cast(pa.large_string())


def as_float(column: pa.Array) -> Array:
    """A (flat) column of numbers or booleans as float64, missing ones as NaN."""
    if column.type != _FLOAT64:
        column = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
        column = column.cast(_FLOAT64, safe=False)
    if column.null_count:
        column = column.fill_null(np.nan)
    # Not to_numpy(): with it Arrow imports pandas where it is installed, a third of a second for nothing.
    return (
        np.frombuffer(column.buffers()[1], np.float64, len(column), column.offset * 8) if len(column) else np.empty(0)
    )


def is_numeric(kind: pa.DataType) -> bool:
    """Whether `as_float` takes it."""
    return _is_number(kind) or pa.types.is_null(kind)


def codes_of(values: Array, known: Array, *, exact: bool) -> NDArray[np.intp]:
    """The index of each value in `known` (sorted, unique), -1 if absent; `exact` allows no SLACK."""
    if not len(known):
        return np.full(len(values), -1)
    right = np.searchsorted(known, values).clip(0, len(known) - 1)
    left = (right - 1).clip(0)
    near = np.where(np.abs(known[left] - values) < np.abs(known[right] - values), left, right)
    room = 0.0 if exact else SLACK * np.maximum(1.0, np.abs(known[near]))
    return np.where(np.abs(known[near] - values) <= room, near, -1)


def is_iso(value: object) -> bool:
    """Whether a text is a date, or a date and a time, as ISO 8601 writes them."""
    return re.match(_ISO, str(value)) is not None


def _is_number(kind: pa.DataType) -> bool:
    return (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
    )


def _is_iso(column: pa.Array) -> bool:
    given = column.drop_null()
    if not len(given) or not is_iso(given[0].as_py()):
        return False
    return bool(pc.all(pc.match_substring_regex(given, _ISO)).as_py())  # pyright: ignore[reportAttributeAccessIssue]


def _days(column: pa.Array) -> Array:
    kind = column.type
    if pa.types.is_timestamp(kind):
        column = pc.local_timestamp(column) if kind.tz else column  # pyright: ignore[reportAttributeAccessIssue]
    elif not pa.types.is_date(kind):
        plain = pc.replace_substring_regex(column, _ZONE, "")  # pyright: ignore[reportAttributeAccessIssue]
        instants = np.array(plain.fill_null("NaT").to_pylist(), dtype="datetime64[us]")
        return np.where(np.isnat(instants), np.nan, instants.astype(np.int64) / DAY_US)
    micros = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
    return as_float(micros) / DAY_US
