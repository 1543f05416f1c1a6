"""What a command imports is what it uses: an interpreter of its own tells which modules it held when it ended.

Seconds of start-up are libraries that nobody asked for. Times differ from machine to machine; names do not.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE_S
from tests.support.projects import Project, line_project, line_spec, project

TELLING = """
import atexit, json, sys

def tell(path=sys.argv.pop(1)):
    with open(path, "w") as file:
        json.dump(sorted(sys.modules), file)

atexit.register(tell)
from mops.cli import main
main()
"""

ELSEWHERE = {
    *("pandas", "polars", "dask", "distributed", "kubernetes", "pyhelm3", "azure", "psycopg", "requests", "torch"),
    *("scipy.stats", "scipy.optimize", "scipy.interpolate", "scipy.sparse", "scipy.spatial"),
    *("optuna", "sqlalchemy", "cmaes", "pyarrow.parquet", "pyarrow.dataset", "matplotlib", "prometheus_client"),
}
"""What a run with two random trials and its report has no use for, though all of it may be installed."""
NUMBERS = {"numpy", "scipy", "pyarrow", "pydantic"}
PAGES = {"jinja2", "markupsafe", "rich", "ruamel"}

LEFT_OUT = {
    "run --spec adaptive.yaml --trials 2": ELSEWHERE,
    "check --spec adaptive.yaml": ELSEWHERE | {"jinja2", "scipy"},
    "report line": ELSEWHERE | {"pyarrow", "ruamel"},
    "results show line": ELSEWHERE | {"pyarrow"} | PAGES,
    "results ls": ELSEWHERE | NUMBERS | PAGES,
    "status line": ELSEWHERE | NUMBERS | PAGES,
    "infra --help": ELSEWHERE | {"numpy", "scipy", "pyarrow"},
    "--help": ELSEWHERE | NUMBERS | PAGES | {"sqlite3", "modelops_runtime.ledger", "modelops_runtime.specs"},
}


@pytest.fixture(scope="module", params=["mean_signal", "{kind: normal, sigma: 0.5}"], ids=["distance", "likelihood"])
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The line with a run of a few trials."""
    made = line_project(tmp_path_factory.mktemp("line") / "here", trials=4, replicates=3, loss=request.param)
    ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "2")
    assert ended.code == 0, ended.err
    return made


@pytest.fixture
def imported(tmp_path: Path) -> Callable[[Project, str], set[str]]:
    """The names of all modules and packages that a command line has imported when it ends."""

    def names(of: Project, line: str) -> set[str]:
        told = tmp_path / "modules.json"
        command = [sys.executable, "-c", TELLING, str(told), *line.split()]
        ended = subprocess.run(command, cwd=of.root, env=of.env, capture_output=True, text=True, timeout=PATIENCE_S)
        assert ended.returncode == 0, ended.stderr
        return set(json.loads(told.read_text()))

    return names


@pytest.mark.parametrize("line", LEFT_OUT)
def test_a_command_imports_nothing_that_it_has_no_use_for(finished, imported, line):
    again = " --fresh" if line.startswith("run") else ""
    assert sorted(imported(finished, line + again) & LEFT_OUT[line]) == []


def test_a_module_that_is_imported_is_told_of(finished, imported):
    """Else the test above could not fail."""
    assert {"jinja2", "numpy"} <= imported(finished, "report line")


TELLING_MODEL = """
import datetime, sys
import numpy as np
{imports}

def simulate(params, seed):
    with open(params["told"], "a") as file:
        file.write(f"{{int('pan' + 'das' in sys.modules)}}")
    return {{"t": np.arange(5), "y": {y}, "day": [datetime.date(2020, 1, 1)] * 5, "where": np.array(["here"] * 5)}}
"""
NUMPY_Y, LIST_Y = "params['slope'] * np.arange(5)", "[params['slope'] * t for t in range(5)]"


@pytest.mark.parametrize(
    ("imports", "y", "held"),
    [("", NUMPY_Y, "0"), ("", LIST_Y, "0"), ("import pandas", NUMPY_Y, "1")],
    ids=["columns", "lists", "a model with pandas"],
)
def test_a_simulation_holds_pandas_only_for_a_model_that_names_it(tmp_path, imports, y, held):
    """Arrow imports it by itself, wherever it is installed, unless it is kept from doing so."""
    pytest.importorskip("pandas")
    told = tmp_path / "told"
    model = TELLING_MODEL.format(imports=imports, y=y)
    spec = line_spec(trials=2, replicates=2, extra="").replace("  sleep: 0.0\n", f"  sleep: 0.0\n  told: {told}\n")
    assert str(told) in spec
    ended = project(tmp_path / "here", spec=spec, model=model).mops("run", "--spec", "adaptive.yaml")
    assert ended.code == 0, ended.err
    assert set(told.read_text()) == {held}
