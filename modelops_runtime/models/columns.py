"""Converts anything that may be a column to an Arrow array of a plain type."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from modelops_runtime.contracts.failures import BadOutput
from modelops_runtime.models.buffers import arrow_of, arrow_of_instants, arrow_of_list

Column: TypeAlias = "pa.Array | pa.ChunkedArray"

RIGHT = "a column is a list or an array of numbers, text, booleans, dates or times"

_PLAIN = {
    kind.id
    for kind in (
        *(pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.float16(), pa.float32(), pa.float64(), pa.date32(), pa.date64(), pa.timestamp("us")),
        *(pa.time32("s"), pa.time64("us"), pa.duration("us"), pa.string()),
    )
}
_TEXT = {pa.large_string(), pa.string_view()}
_FAST_KINDS = frozenset("biuf")


def to_column(values: Any, where: str) -> Column:
    """The values as an Arrow array that shares no memory with them. Raises BadOutput, with `where` at its beginning."""
    if isinstance(values, np.ndarray):
        return _from_masked(values, where) if isinstance(values, np.ma.MaskedArray) else _from_numpy(values, where)
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return plain_column(values, where)
    home = type(values).__module__.partition(".")[0]
    if home == "pandas":
        return _from_pandas(values, where)
    if home == "polars" and hasattr(values, "to_arrow"):
        return plain_column(values.to_arrow(), where)
    if isinstance(values, list | tuple | range):
        return _from_list(list(values), where)
    if hasattr(values, "__arrow_c_stream__") or hasattr(values, "__arrow_c_array__"):
        return plain_column(_arrow(values, where), where)
    if hasattr(values, "__array__"):  # a numpy scalar too, which has no dimension and is refused for that
        return _from_numpy(np.asarray(values), where)
    raise BadOutput(f"{where} is {_shown(values)}", right=RIGHT)


def plain_column(column: Column, where: str) -> Column:
    """The column in a type that every reader supports: dictionaries and run lengths decoded, decimals as `double`."""
    kind = column.type
    if kind.id in _PLAIN:
        return column
    if kind in _TEXT:
        return column.cast(pa.string())
    if pa.types.is_null(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    if pa.types.is_dictionary(kind):
        return plain_column(column.cast(kind.value_type), where)
    if pa.types.is_run_end_encoded(kind):
        import pyarrow.compute

        return plain_column(pyarrow.compute.call_function("run_end_decode", [column]), where)
    raise BadOutput(f"{where} is of the Arrow type {kind}", right=RIGHT)


def is_plain(kind: pa.DataType) -> bool:
    """Whether `plain_column` would leave a column of this type alone."""
    return kind.id in _PLAIN


def _from_numpy(values: np.ndarray, where: str) -> Column:
    _check_shape(values, where)
    kind = values.dtype.kind
    if kind in _FAST_KINDS and values.dtype.isnative and values.dtype.itemsize <= 8:
        return arrow_of(values.copy())  # Arrow would share the memory, and a model may use its arrays again
    if kind == "c":
        raise BadOutput(f"{where} holds complex numbers", right="give real and imaginary parts as two columns")
    if kind in "OU":
        return _from_list(values.tolist(), where)
    if kind in "Mm":
        instants = _known_unit(values)
        found = arrow_of_instants(instants)
        return _arrow(instants, where) if found is None else found
    if kind in _FAST_KINDS:  # of the other byte order, or longer than 8 bytes
        wanted = np.dtype(np.float64) if values.dtype.itemsize > 8 else values.dtype.newbyteorder("=")
        return arrow_of(values.astype(wanted))
    raise BadOutput(f"{where} is an array of {values.dtype}", right=RIGHT)


def _from_masked(values: np.ndarray, where: str) -> Column:
    """Masked values become null."""
    _check_shape(values, where)
    return plain_column(_arrow(values.copy(), where), where)


def _check_shape(values: np.ndarray, where: str) -> None:
    if values.ndim == 0:
        raise BadOutput(f"{where} is a single value, {values[()]!r:.40}", right=RIGHT)
    if values.ndim > 1:
        raise BadOutput(f"{where} is an array of shape {values.shape}", right="a column has one dimension")


def _known_unit(values: np.ndarray) -> np.ndarray:
    """Days, or seconds and below: Arrow knows no hours, weeks or months."""
    unit, count = np.datetime_data(values.dtype)
    is_date = values.dtype.kind == "M"
    if count == 1 and unit in ("s", "ms", "us", "ns"):
        return values.astype(values.dtype.newbyteorder("="))
    days = is_date and unit in ("D", "W", "M", "Y")
    return values.astype(f"{values.dtype.kind}8[{'D' if days else 's'}]")


def _from_list(values: list[Any], where: str) -> Column:
    try:
        column = arrow_of_list(values)
        if column is None:
            column = pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        return _list_by_numpy(values, where, error)
    return plain_column(column, where)


def _list_by_numpy(values: list[Any], where: str, error: Exception) -> Column:
    """numpy understands some mixtures of numbers that Arrow does not."""
    numbers = all(isinstance(value, int | float | np.number) for value in values)
    dates = all(isinstance(value, np.datetime64 | np.timedelta64) for value in values)
    if numbers or dates:
        array = np.asarray(values)
        if array.dtype.kind in "biufcMm":
            return _from_numpy(array, where)
        raise BadOutput(f"{where} holds whole numbers beyond 64 bits", right="give them as floats") from error
    if any(isinstance(value, complex | np.complexfloating) for value in values):
        raise BadOutput(
            f"{where} holds complex numbers", right="give real and imaginary parts as two columns"
        ) from error
    kinds = ", ".join(dict.fromkeys(type(value).__name__ for value in values))
    raise BadOutput(f"{where} holds {kinds:.80}", right=RIGHT) from error


def _from_pandas(values: Any, where: str) -> Column:
    """A Series or an Index. Only numpy's types are converted by numpy, since Arrow would turn NaN into null there."""
    dtype = getattr(values, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind != "O":
        return _from_numpy(values.to_numpy(), where)
    return plain_column(_arrow(values, where), where)


def _arrow(values: Any, where: str) -> Column:
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise BadOutput(f"{where} cannot be read: {str(error).splitlines()[0]:.120}", right=RIGHT) from error


def _shown(values: Any) -> str:
    if isinstance(values, bool | int | float | complex | str):
        return f"a single value, {values!r:.40}"
    return f"of type {type(values).__name__}"
