"""The most common result, a dict of plain numpy columns, without conversion to Arrow; its digest is that of its table."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, TypeGuard

import numpy as np
import pyarrow as pa

from modelops_runtime.models.tables import MAX_BYTES, MAX_ROWS, SINGLE, framed_text

Arrays = Mapping[str, "np.ndarray[Any, Any]"]
"""Columns by name, each [rows], of numbers or booleans of a type that Arrow has too."""

_KINDS = {
    np.dtype(kind): str(pa.from_numpy_dtype(np.dtype(kind)))
    for kind in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
}
_NAN = np.float64("nan")


def are_arrays(result: Any) -> TypeGuard[Arrays]:
    """Whether a result is such columns, of one length and within the limits of output. If not, use `to_tables`."""
    if type(result) is not dict or not result:
        return False
    rows, size = -1, 0
    for name, values in result.items():
        if type(name) is not str or type(values) is not np.ndarray or values.ndim != 1 or values.dtype not in _KINDS:
            return False
        if rows not in (-1, len(values)):
            return False
        rows = len(values)
        size += values.nbytes
    return rows <= MAX_ROWS and size <= MAX_BYTES


def digest_of_arrays(arrays: Arrays) -> str:
    """The digest that `tables.digest_of` gives for the table of these columns."""
    columns = list(arrays.values())
    heads = _heads(tuple(arrays), tuple(values.dtype for values in columns), len(columns[0]))
    digest = blake2b(digest_size=16)
    for head, values in zip(heads, columns, strict=True):
        digest.update(head)
        if values.dtype.kind == "f" and (missing := np.isnan(values)).any():
            values = np.where(missing, values.dtype.type(_NAN), values)
        digest.update(values.tobytes())
    return digest.hexdigest()


@lru_cache(maxsize=64)
def _heads(names: tuple[str, ...], kinds: tuple[np.dtype[Any], ...], rows: int) -> tuple[bytes, ...]:
    """The digest's text before each column's values: names and types, the table's before the first."""
    table = framed_text(f"{SINGLE}|{len(names)}|{rows}")
    columns = [framed_text(name) + framed_text(f"{_KINDS[kind]}|0") for name, kind in zip(names, kinds, strict=True)]
    return (table + columns[0], *columns[1:])
