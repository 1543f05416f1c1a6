"""Converts a model's result to Arrow tables, and these to bytes and a digest that identifies the result."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa

from modelops_runtime.contracts.failures import BadOutput
from modelops_runtime.models.buffers import numpy_of
from modelops_runtime.models.columns import Column
from modelops_runtime.models.frames import RIGHT, is_frame, plain_table, to_table

SINGLE = "output"
"""The name of a model's single unnamed table."""
MAX_BYTES = 256 * 2**20
MAX_ROWS = 10_000_000

_END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"
_NAN = np.float64("nan")


def to_tables(result: Any, *, max_bytes: int = MAX_BYTES, max_rows: int = MAX_ROWS) -> dict[str, pa.Table]:
    """The output tables by name, in plain types and without metadata.

    Takes a data frame of pandas or polars, an Arrow table or batch, a dict of columns, or a dict of those by output name.
    NaN and null stay as they are. Raises BadOutput for anything else, and above `max_bytes` or `max_rows` in all.
    """
    if result is None:
        raise BadOutput("the model returned nothing (None)", right=RIGHT)
    if not isinstance(result, Mapping):
        tables = {SINGLE: to_table(result, SINGLE)}
    elif not result:
        raise BadOutput("the model returned an empty dict", right=RIGHT)
    elif _holds_tables(result):
        tables = {_output_name(name): to_table(value, name) for name, value in result.items()}
    else:
        tables = {SINGLE: to_table(result, SINGLE)}
    _check_size(tables, max_bytes, max_rows)
    return tables


def _holds_tables(result: Mapping[Any, Any]) -> bool:
    """Tables by output name, rather than columns of one table. Raises BadOutput for a mixture."""
    found = [isinstance(value, Mapping) or is_frame(value) for value in result.values()]
    if any(found) and not all(found):
        table = next(name for name, is_table in zip(result, found, strict=True) if is_table)
        other = next(name for name, is_table in zip(result, found, strict=True) if not is_table)
        raise BadOutput(
            f"the model returned a dict with a table ({table!r}) and with what is none "
            f"({other!r}, of type {type(result[other]).__name__})",
            right=RIGHT,
        )
    return all(found)


def _output_name(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise BadOutput(f"the model returned an output named {name!r:.40}", right="names of outputs are text")
    return name


def _check_size(tables: Mapping[str, pa.Table], max_bytes: int, max_rows: int) -> None:
    rows = size = 0
    for table in tables.values():
        rows += table.num_rows
        size += table.nbytes
    if rows > max_rows or size > max_bytes:
        each = ", ".join(
            f"{name} {table.num_rows:,} rows, {table.nbytes / 2**20:,.1f} MiB" for name, table in tables.items()
        )
        raise BadOutput(
            f"too much output: {each:.300}",
            right=f"at most {max_rows:,} rows and {max_bytes / 2**20:,.0f} MiB in all, so return what the targets need",
        )


def to_ipc(tables: Mapping[str, pa.Table]) -> dict[str, bytes]:
    """Each table as an Arrow IPC stream, the same bytes however the table was chunked."""
    return {name: _stream(table.combine_chunks()) for name, table in tables.items()}


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def from_ipc(data: bytes | memoryview) -> pa.Table:
    """A table from an Arrow IPC stream or file. Raises ValueError for anything else, or an incomplete one."""
    buffer = pa.py_buffer(data)
    try:
        if bytes(data[:6]) == b"ARROW1":
            return pa.ipc.open_file(buffer).read_all()
        table = pa.ipc.open_stream(buffer).read_all()
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"not an Arrow stream or file: {error}") from error
    # Arrow reads a stream that was cut between two messages without complaint, with fewer rows.
    if bytes(data[-len(_END_OF_STREAM) :]) != _END_OF_STREAM:
        raise ValueError("the Arrow stream is cut: its end is missing")
    return table


def digest_of(tables: Mapping[str, pa.Table]) -> str:
    """BLAKE2b-128 (hex) of names, types and values, columns and rows in their order, outputs sorted by name.

    All NaN count as one value, 0.0 and -0.0 as two, null and NaN as two. Chunks and metadata do not matter.
    """
    digest = blake2b(digest_size=16)
    for name in sorted(tables):
        table = plain_table(tables[name], f"output {name!r}")
        _add_text(digest, f"{name}|{table.num_columns}|{table.num_rows}")
        for column, values in zip(table.schema.names, table.columns, strict=True):
            _add_text(digest, column)
            _add_column(digest, values)
    return digest.hexdigest()


def framed_text(text: str) -> bytes:
    """A text for the digest: prefixed with its length, so that different sequences of texts give different bytes."""
    data = text.encode("utf-8", "surrogatepass")
    return len(data).to_bytes(8, "little") + data


def _add_text(digest: Any, text: str) -> None:
    digest.update(framed_text(text))


def _add_column(digest: Any, column: Column) -> None:
    kind = column.type
    _add_text(digest, f"{kind}|{column.null_count}")
    values = _in_one_piece(column)
    if values.null_count:
        digest.update(numpy_of(values.is_valid()).tobytes())
        values = _nulls_as_nothing(values)
    if pa.types.is_string(kind):
        for part in _text_parts(values):
            digest.update(part)
        return
    numbers = _numbers(values)
    if numbers.dtype.kind == "f" and np.isnan(numbers).any():
        numbers = np.where(np.isnan(numbers), numbers.dtype.type(_NAN), numbers)
    digest.update(np.ascontiguousarray(numbers).data.cast("B") if len(numbers) else b"")


def _in_one_piece(column: Column) -> pa.Array:
    if isinstance(column, pa.Array):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0, column.type)


def _nulls_as_nothing(values: pa.Array) -> pa.Array:
    """Values behind nulls are undefined in Arrow; they are removed here."""
    kind = values.type
    if pa.types.is_string(kind):
        return values.fill_null("")
    return values.fill_null(pa.scalar(0, pa.int64()).cast(_as_number(kind)).cast(kind))


def _as_number(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return kind
    return pa.int32() if kind.bit_width == 32 else pa.int64()


def _numbers(values: pa.Array) -> np.ndarray:
    """The values as numpy numbers; dates and times as the stored integers."""
    kind = values.type
    number = _as_number(kind)
    if number != kind:
        values = values.view(number)
    return numpy_of(values)


def _text_parts(values: pa.Array) -> tuple[bytes | memoryview, ...]:
    """The lengths of the texts in bytes (int32), and the texts one after another."""
    _, offsets, data = values.buffers()
    if offsets is None or not len(values):
        return ()
    bounds = np.frombuffer(offsets, dtype=np.int32)[values.offset : values.offset + len(values) + 1]
    texts = memoryview(data)[int(bounds[0]) : int(bounds[-1])] if data is not None else b""
    return np.diff(bounds).tobytes(), texts
