"""The same from Python: functions and data frames, a spec, a notebook."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient

from modelops_runtime import calibrate, open_run, write_project
from modelops_runtime.contracts.errors import RunFailed, UserError
from modelops_runtime.runner.events import TrialFinished
from tests.support.patience import PATIENCE_S
from tests.support.projects import mops_environment

SLOPE = 2.0


def line(params, seed):
    rng = np.random.default_rng(seed)
    t = np.arange(5)
    return pd.DataFrame({"t": t, "y": params["slope"] * t + rng.normal(0, 0.1, 5)})


def project_in(folder: Path, **more: object) -> Path:
    observed = pd.DataFrame({"t": range(5), "y": [SLOPE * t for t in range(5)]})
    return write_project(
        folder,
        model=line,
        derived=lambda params: {"double": 2 * params["slope"]},
        parameters={"slope": (0.0, 5.0)},
        targets={"line": {"observed": observed, "match": {"exact": "t"}, "value": "y"}},
        search={"trials": 30, "replicates": 3, "lag": 4, **more},  # the same search on every machine,
    )


def test_functions_and_frames_are_calibrated_and_go_on(tmp_path: Path) -> None:
    events: list[object] = []
    done = calibrate(project_in(tmp_path / "line"), workers=2, on_event=events.append)
    assert abs(done.params["slope"] - SLOPE) < 0.2
    assert done.derived["double"] == pytest.approx(2 * done.params["slope"])
    assert sum(isinstance(event, TrialFinished) for event in events) >= 30
    assert done.report is not None
    assert done.report.is_file()

    trials = done.trials().to_pandas()
    assert len(trials) == 30
    assert trials.loc[done.best_trial, "param.slope"] == done.params["slope"]
    assert set(done.fit().to_pandas()["trial"]) == {done.best_trial}
    assert done.replicates().num_rows >= 90
    assert "slope" in done._repr_html_()
    assert [path.name for path in done.export(tmp_path / "out")][-1] == "run.json"

    again = calibrate(project_in(tmp_path / "line"))
    assert again.already_finished
    assert again.params == done.params
    longer = calibrate(project_in(tmp_path / "line"), trials=35)
    assert longer.trials_made == 5
    assert open_run("line", tmp_path / "line" / ".modelops" / "ledger.sqlite").params == longer.params


def test_the_page_about_python_works_as_it_stands(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "python.md"
    blocks = re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "script.py").write_text("\n".join(blocks), "utf-8")
    ended = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env=mops_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "20"
    assert (tmp_path / "line.html").is_file()


def test_a_run_without_an_answer_raises_and_leaves_its_report(tmp_path: Path) -> None:
    def broken(params, seed):
        raise ValueError("no such compartment")

    spec = write_project(
        tmp_path / "broken",
        model=broken,
        parameters={"a": (0.0, 1.0)},
        targets={"y": {"observed": {"t": [0], "y": [1.0]}, "match": {"exact": "t"}, "value": "y"}},
        search={"trials": 12, "replicates": 2},
    )
    pages: list[Path] = []
    with pytest.raises(RunFailed, match="no such compartment"):
        calibrate(spec, on_failed_report=pages.append)
    assert pages[0].is_file()


def test_a_run_that_is_not_there_is_named(tmp_path: Path) -> None:
    calibrate(project_in(tmp_path / "line"), trials=2)
    with pytest.raises(UserError, match="no run 'other' in this ledger; there is: line"):
        open_run("other", tmp_path / "line" / ".modelops" / "ledger.sqlite")


CELLS = [
    """
    import numpy as np
    import pandas as pd
    from modelops_runtime import calibrate, write_project

    NOISE = 0.1

    def simulate(params, seed):
        t = np.arange(5)
        return pd.DataFrame({"t": t, "y": params["slope"] * t + np.random.default_rng(seed).normal(0, NOISE, 5)})

    data = pd.DataFrame({"t": range(5), "y": [0.0, 2.0, 4.0, 6.0, 8.0]})
    """,
    """
    spec = write_project(
        "line",
        model=simulate,
        parameters={"slope": (0.0, 5.0)},
        targets={"line": {"observed": data, "match": {"exact": "t"}, "value": "y"}},
        search={"trials": 20, "replicates": 3, "lag": 4},
    )
    found = calibrate(spec)
    found
    """,
    "print(found.already_finished, abs(found.params['slope'] - 2) < 0.2)",
]


def test_a_notebook_runs_and_a_second_session_finds_its_answer(tmp_path: Path) -> None:
    def executed() -> nbformat.NotebookNode:
        book = nbformat.v4.new_notebook()
        book.cells = [nbformat.v4.new_code_cell(textwrap.dedent(cell)) for cell in CELLS]
        return NotebookClient(
            book, timeout=PATIENCE_S, startup_timeout=PATIENCE_S, resources={"metadata": {"path": str(tmp_path)}}
        ).execute()

    first = executed()
    assert "slope" in first.cells[1].outputs[-1]["data"]["text/html"]
    assert first.cells[2].outputs[0]["text"] == "False True\n"
    assert executed().cells[2].outputs[0]["text"] == "True True\n"
