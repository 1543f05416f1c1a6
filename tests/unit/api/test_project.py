"""Functions and data frames become a folder that `mops run` takes."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from modelops_runtime import write_project
from modelops_runtime.contracts.errors import UserError
from modelops_runtime.specs.loading import load_spec

STEP = 2.0


def simulate(params, seed):
    """Refers to a name of this file, as functions in notebooks do."""
    rng = np.random.default_rng(seed)
    return {"t": np.arange(5), "y": STEP * params["a"] * np.arange(5) + rng.normal(0, 0.1, 5)}


COLUMNS = {"t": [0, 1, 2, 3, 4], "y": [0.0, 2.0, 4.0, 6.0, 8.0]}


def made(folder: Path, observed: object, **more: object) -> Path:
    target = {"observed": observed, "match": {"exact": "t"}, "value": "y"}
    return write_project(folder, model=simulate, parameters={"a": (0.0, 3.0)}, targets={"y": target}, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "frame", [pd.DataFrame, pl.DataFrame, pa.table, dict], ids=["pandas", "polars", "arrow", "dict"]
)
def test_observed_may_be_any_frame(frame: object, tmp_path: Path) -> None:
    loaded = load_spec(made(tmp_path / "project", frame(COLUMNS)))  # type: ignore[operator]
    assert loaded.observed["y"].to_pydict() == COLUMNS
    assert loaded.spec.name == "project"


def test_the_same_again_touches_no_file(tmp_path: Path) -> None:
    made(tmp_path, pd.DataFrame(COLUMNS))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    made(tmp_path, pd.DataFrame(COLUMNS))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_another_process_and_another_cell_pickle_the_same_function_alike(tmp_path: Path) -> None:
    code = """
import sys
from modelops_runtime.api.pickling import pickled
source = "K = 3\\ndef simulate(params, seed):\\n    return {'t': [0], 'y': [K * params['a']]}\\n"
space = {"__name__": "__main__"}
exec(compile(source, sys.argv[1], "exec"), space)
sys.stdout.buffer.write(pickled({"simulate": space["simulate"]}))
"""
    cells = ["/tmp/ipykernel_11/123.py", "/tmp/ipykernel_22/456.py"]
    one, two = (
        subprocess.run([sys.executable, "-c", code, cell], capture_output=True, check=True).stdout for cell in cells
    )
    assert one == two


def test_what_cannot_be_pickled_is_one_line(tmp_path: Path) -> None:
    lock = threading.Lock()

    def locked(params, seed):
        with lock:
            return {"t": [0], "y": [0.0]}

    with pytest.raises(UserError, match="cannot be sent to other processes") as caught:
        write_project(tmp_path, model=locked, parameters={}, targets={})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("observed", [None, 3, {"t": [0, 1], "y": [1.0]}], ids=["none", "a number", "ragged"])
def test_what_is_no_table_is_one_line(observed: object, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="target 'y'") as caught:
        made(tmp_path, observed)
    assert "\n" not in str(caught.value)


def test_numpys_numbers_become_plain_ones(tmp_path: Path) -> None:
    path = write_project(
        tmp_path,
        model=simulate,
        parameters={"a": {"min": np.float64(0.5), "max": np.int64(3)}, "n": np.int64(7)},
        targets={"y": {"observed": COLUMNS, "match": {"exact": "t"}, "value": "y"}},
        search={"trials": np.int64(5)},
    )
    assert load_spec(path).spec.search.trials == 5
