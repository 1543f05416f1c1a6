"""Converts anything that may be a table to an Arrow table of plain columns, without needing pandas or polars."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from modelops_runtime.contracts.failures import BadOutput
from modelops_runtime.models.columns import is_plain, plain_column, to_column

RIGHT = "return a data frame (pandas, polars), an Arrow table, a dict of columns, or a dict of those by output name"

_PANDAS_TABLES = ("DataFrame", "Series")
_POLARS_TABLES = ("DataFrame", "LazyFrame")


def is_frame(value: Any) -> bool:
    """Whether the value is a table object (a dict of columns is tested elsewhere)."""
    if isinstance(value, pa.Table | pa.RecordBatch):
        return True
    home, name = type(value).__module__.partition(".")[0], type(value).__name__
    if home == "pandas":
        return name == "DataFrame"
    if home == "polars":
        return name in _POLARS_TABLES
    return hasattr(value, "__arrow_c_stream__") and (hasattr(value, "columns") or hasattr(value, "column_names"))


def to_table(value: Any, output: str) -> pa.Table:
    """One output's table. Raises BadOutput, naming the output."""
    where = f"output {output!r}"
    if isinstance(value, Mapping):
        return _from_columns(value, where)
    if isinstance(value, pa.RecordBatch):
        value = pa.Table.from_batches([value])
    if isinstance(value, pa.Table):
        return plain_table(value, where)
    home, name = type(value).__module__.partition(".")[0], type(value).__name__
    if home == "pandas" and name in _PANDAS_TABLES:
        return _from_pandas(value, where)
    if home == "polars" and name in _POLARS_TABLES:
        return plain_table((value.collect() if name == "LazyFrame" else value).to_arrow(), where)
    if is_frame(value):
        return plain_table(pa.table(value), where)
    if value is None:
        raise BadOutput(f"{where} is nothing (None)", right=RIGHT)
    raise BadOutput(f"{where} is {described(value)}", right=RIGHT)


def described(value: Any) -> str:
    """A short description of a value that is not a table."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}, whose columns have no names"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}, whose columns have no names"
    if inspect.iscoroutine(value):
        value.close()  # otherwise Python warns that it was never awaited
        return "a coroutine: the function is async, and nobody awaits it (asyncio.run does, in a plain function)"
    if inspect.isgenerator(value):
        return "a generator: the function yields where it is to return"
    if isinstance(value, bool | int | float | complex | str | np.generic):
        return f"a single value, {value!r:.40}"
    return f"of type {type(value).__name__}"


def plain_table(table: pa.Table, where: str) -> pa.Table:
    """The table without metadata, its columns in plain types. Raises BadOutput for others, and for two of one name."""
    schema = table.schema
    names = schema.names
    if not names:
        raise BadOutput(f"{where} has no columns")
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadOutput(f"{where} has two columns {twice!r}", right="each needs a name of its own")
    if all(is_plain(field.type) and field.nullable and field.metadata is None for field in schema):
        return table if schema.metadata is None else table.replace_schema_metadata(None)
    columns = [plain_column(table.column(i), f"{where}, column {name!r}") for i, name in enumerate(names)]
    return pa.Table.from_arrays(columns, names=names)


def _from_columns(columns: Mapping[Any, Any], where: str) -> pa.Table:
    if not columns:
        raise BadOutput(f"{where} has no columns")
    arrays = [to_column(values, f"{where}, column {_name(name, where)!r}") for name, values in columns.items()]
    rows = len(arrays[0])
    if any(len(array) != rows for array in arrays):
        lengths = ", ".join(f"{name} {len(array)}" for name, array in zip(columns, arrays, strict=True))
        raise BadOutput(
            f"{where} has columns of unequal length: {lengths:.200}", right="give each a value for every row"
        )
    return pa.Table.from_arrays(arrays, names=list(columns))


def _name(name: Any, where: str) -> str:
    if not isinstance(name, str):
        raise BadOutput(f"{where} has a column named {name!r:.40}, a {type(name).__name__}", right="names are text")
    return name


def _from_pandas(frame: Any, where: str) -> pa.Table:
    """A named index (as from `groupby`) becomes columns; an unnamed one only counts rows and is dropped."""
    if type(frame).__name__ == "Series":
        if frame.name is None:
            raise BadOutput(f"{where} is a Series without a name", right="name it, or return a data frame")
        frame = frame.to_frame()
    columns = {}
    for position, name in enumerate(frame.index.names):
        if name is not None and name not in frame.columns:
            columns[name] = frame.index.get_level_values(position)
    if not frame.columns.is_unique:
        twice = next(iter(frame.columns[frame.columns.duplicated()]))
        raise BadOutput(f"{where} has two columns {twice!r}", right="each needs a name of its own")
    columns.update((name, frame[name]) for name in frame.columns)
    return _from_columns(columns, where)
