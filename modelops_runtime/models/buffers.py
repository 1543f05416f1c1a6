"""Plain values between Python, numpy and Arrow by their buffers.

`pa.array` and `to_numpy` import pandas wherever it is installed: a third of a second for each process, for nothing. These
give the same arrays without it, for what they know.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

Numbers = np.ndarray[Any, Any]

_EXACT = 2**53
"""Whole numbers up to it are floats as well."""

_NUMPY_NAMES = {"halffloat": "float16", "float": "float32", "double": "float64"}
"""Of Arrow's types that numpy calls otherwise."""


def arrow_of(values: Numbers) -> pa.Array:
    """A contiguous array of booleans or numbers (native, 8 bytes at most) as Arrow; it shares the memory."""
    kind = pa.from_numpy_dtype(values.dtype)
    data = np.packbits(values, bitorder="little") if values.dtype.kind == "b" else values
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(data)], 0)


def arrow_of_instants(values: Numbers) -> pa.Array | None:
    """What `pa.array` makes of numpy dates, times and durations (D for dates alone, s, ms, us, ns); None leaves it to that."""
    unit, _ = np.datetime_data(values.dtype)
    if np.isnat(values).any():
        return None
    numbers = np.ascontiguousarray(values).view(np.int64)
    if unit == "D":
        days = numbers.astype(np.int32)
        kind, numbers, fits = pa.date32(), days, bool((days == numbers).all())
    else:
        kind, fits = (pa.timestamp if values.dtype.kind == "M" else pa.duration)(unit), True
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(numbers)], 0) if fits else None


def arrow_of_list(values: Sequence[Any]) -> pa.Array | None:
    """What `pa.array` makes of values that are all booleans, numbers, dates or text, and of none (floats then); else None."""
    kinds = set(map(type, values))
    try:
        if not kinds:
            return arrow_of(np.empty(0))
        if kinds == {str}:
            return _text(values)
        if kinds == {bool}:
            return arrow_of(np.array(values, dtype=np.bool_))
        if kinds == {int}:
            return arrow_of(np.array(values, dtype=np.int64))
        if kinds == {date}:
            return arrow_of_instants(np.array(values, dtype="datetime64[D]"))
        if kinds == {float} or (kinds == {int, float} and all(abs(v) <= _EXACT for v in values if type(v) is int)):
            return arrow_of(np.array(values, dtype=np.float64))
    except (OverflowError, UnicodeEncodeError):
        return None
    return None


def _text(values: Sequence[str]) -> pa.Array | None:
    texts = [value.encode() for value in values]
    ends = np.cumsum([0, *map(len, texts)])
    if ends[-1] > np.iinfo(np.int32).max:
        return None
    buffers = [None, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(b"".join(texts))]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers, 0)


def numpy_of(values: pa.Array) -> Numbers:
    """Booleans or numbers without nulls as numpy; numbers share the memory."""
    name = str(values.type)
    if not len(values):
        return np.empty(0, np.dtype(_NUMPY_NAMES.get(name, name)))
    data = values.buffers()[1]
    if pa.types.is_boolean(values.type):
        bits = np.unpackbits(np.frombuffer(data, np.uint8), count=values.offset + len(values), bitorder="little")
        return bits[values.offset :].view(np.bool_)
    kind = np.dtype(_NUMPY_NAMES.get(name, name))
    return np.frombuffer(data, kind, len(values), values.offset * kind.itemsize)
