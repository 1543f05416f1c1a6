"""Reads the tables that a command wrote."""

from __future__ import annotations

import os

import pyarrow as pa

from modelops_runtime.contracts.failures import BadOutput
from modelops_runtime.models.tables import MAX_BYTES, from_ipc

_KINDS = (".parquet", ".csv", ".arrow", ".feather")


def read_folder(folder: str) -> dict[str, pa.Table]:
    """The tables in a folder's files, by their stems, sorted; other files are ignored. Raises BadOutput."""
    paths: dict[str, str] = {}
    for name in sorted(os.listdir(folder)):
        stem, kind = os.path.splitext(name)
        if kind.lower() not in _KINDS or name.startswith("."):
            continue
        if stem in paths:
            raise BadOutput(
                f"output {stem!r} was written twice, as {os.path.basename(paths[stem])} and {name}", right="write one"
            )
        paths[stem] = os.path.join(folder, name)
    size = sum(os.path.getsize(path) for path in paths.values())
    if size > MAX_BYTES:
        raise BadOutput(
            f"too much output: {size / 2**20:,.0f} MiB of files", right=f"at most {MAX_BYTES / 2**20:,.0f} MiB in all"
        )
    return {stem: _read(path) for stem, path in paths.items()}


def _read(path: str) -> pa.Table:
    name = os.path.basename(path)
    kind = os.path.splitext(name)[1].lower()
    with open(path, "rb") as file:
        data = file.read()
    if kind == ".csv":
        return read_csv(data, name)
    try:
        if kind == ".parquet":
            import pyarrow.parquet

            return pyarrow.parquet.read_table(pa.BufferReader(data))
        if data[:4] == b"FEA1":
            import pyarrow.feather

            return pyarrow.feather.read_table(pa.BufferReader(data))
        return from_ipc(data)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BadOutput(f"{name} cannot be read: {str(error).splitlines()[0]:.200}") from error


def read_csv(data: bytes, name: str) -> pa.Table:
    """CSV in UTF-8 with a header; `NA`, `NaN` and empty fields of numeric columns are null. Raises BadOutput."""
    import pyarrow.csv

    if not data.strip():
        raise BadOutput(f"{name} is empty", right="a header and rows of CSV are expected")
    try:
        return pyarrow.csv.read_csv(pa.BufferReader(data))
    except (pa.ArrowException, ValueError) as error:
        raise BadOutput(f"{name} is not CSV: {str(error).splitlines()[0]:.200}") from error
