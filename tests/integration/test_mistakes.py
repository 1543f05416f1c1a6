"""A mistake of the user's is one line with its place, exit code 2, and nothing is started."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from modelops_runtime import calibrate
from modelops_runtime.contracts.errors import SpecErrors
from tests.support.projects import LINE_MODEL, line_spec, project

SPEC = line_spec()

MISTAKES = {
    "an unknown key": (SPEC.replace("  trials:", "  trails: 3\n  trials:"), "16:3", "trails"),
    "an algorithm that is not installed": (
        SPEC.replace("  seed: 7", "  algorithm: optunna\n  seed: 7"),
        "18:14",
        "optunna",
    ),
    "an option that does not exist": (
        SPEC.replace("  seed: 7", "  options: {samplr: tpe}\n  seed: 7"),
        "18:13",
        "samplr",
    ),
    "an output that the model does not return": (
        SPEC.replace("    value: y", "    output: epidemic\n    value: y"),
        "13:13",
        "epidemic",
    ),
    "a column that the model does not return": (
        SPEC.replace("    value: y", "    value: {observed: y, simulated: z}"),
        "13:5",
        "z",
    ),
    "a missing module": (SPEC.replace("model.py:simulate", "nothere.mod:simulate"), "4:21", "nothere"),
    "a missing function": (SPEC.replace("model.py:simulate", "model.py:simulat"), "4:21", "simulate"),
    "likelihood and squared losses together": (
        SPEC.replace(
            "search:",
            "  more:\n    observed: data.csv\n    match: {exact: t}\n    value: y\n    loss: poisson\nsearch:",
        ),
        "19:11",
        "poisson",
    ),
    "a guess outside its bounds": (
        SPEC.replace("  seed: 7", "  guesses: [{slope: 9, height: 0}]\n  seed: 7"),
        "18:21",
        "slope",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_is_one_line_with_its_place_and_nothing_is_started(mistake: str, tmp_path: Path) -> None:
    spec, place, gist = MISTAKES[mistake]
    made = project(tmp_path / "p", spec=spec)
    ended = made.mops("run", "--spec", "adaptive.yaml")
    assert ended.code == 2, ended
    lines = ended.err.strip().splitlines()
    assert len(lines) == 1, ended.err
    assert f"adaptive.yaml:{place}" in lines[0]
    assert gist in lines[0]
    assert ended.out == ""
    assert not made.ledger.exists()


def test_days_of_the_data_that_the_model_does_not_reach_are_named(tmp_path: Path) -> None:
    made = project(tmp_path / "p", spec=SPEC, data="t,y\n0,1\n4,9\n11,23\n")
    ended = made.mops("run", "--spec", "adaptive.yaml")
    assert ended.code == 2
    assert "2 of 3" in ended.err
    assert "11" in ended.err


def test_a_syntax_error_in_the_model_names_its_line(tmp_path: Path) -> None:
    made = project(tmp_path / "p", spec=SPEC, model=LINE_MODEL + "\ndef broken(:\n")
    ended = made.mops("run", "--spec", "adaptive.yaml")
    assert ended.code == 2
    assert "model.py" in ended.err
    assert "Traceback" not in ended.err


def test_several_mistakes_are_shown_together(tmp_path: Path) -> None:
    spec = SPEC.replace("max: 5.0}\n  height", "max: -5.0}\n  height").replace(
        "observed: data.csv", "observed: dta.csv"
    )
    ended = project(tmp_path / "p", spec=spec).mops("run", "--spec", "adaptive.yaml")
    assert ended.code == 2
    assert len(ended.err.strip().splitlines()) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--spec", "missing.yaml"),
        ("run",),
        ("nonsense",),
        ("status", "nobody"),
        ("run", "--spec", "adaptive.yaml", "--dask", "tls://127.0.0.1:1"),
        ("run", "--spec", "adaptive.yaml", "--dask-ca", "ca.pem"),
        ("results", "export", "nobody", "--to", "x"),
    ],
)
def test_a_wrong_command_ends_with_2_and_no_traceback(arguments: tuple[str, ...], tmp_path: Path) -> None:
    ended = project(tmp_path / "p", spec=SPEC).mops(*arguments)
    assert ended.code == 2, ended
    assert ended.err.strip()
    assert "Traceback" not in ended.err


def test_a_ledger_that_cannot_be_reached_is_one_line(tmp_path: Path) -> None:
    made = project(tmp_path / "p", spec=SPEC)
    ended = made.mops("run", "--spec", "adaptive.yaml", "--ledger", "postgresql://nobody:secret-word@127.0.0.1:1/none")
    assert ended.code == 1
    assert "secret-word" not in ended.err + ended.out
    assert "Traceback" not in ended.err


def test_mistakes_of_every_stage_are_shown_together(tmp_path: Path) -> None:
    """Of the spec, its targets, the model, the algorithm and the guesses."""
    spec = SPEC.replace("model.py:simulate", "modell.py:simulate").replace(
        "  seed: 7", "  seed: 7\n  options: {samplr: tpe}\n  guesses: [{slope: 9, height: -9}]"
    )
    spec = spec.replace("    loss: mean_signal", "    loss: {function: nowhere:fn}")
    ended = project(tmp_path / "p", spec=spec).mops("run", "--spec", "adaptive.yaml")
    assert ended.code == 2
    lines = ended.err.strip().splitlines()
    for gist in ("modell.py", "nowhere", "samplr", "slope = 9", "height = -9"):
        assert sum(gist in line for line in lines) == 1, (gist, ended.err)
    places = [tuple(map(int, re.match(r"mops: adaptive.yaml:(\d+):(\d+): ", line).groups())) for line in lines]  # type: ignore[union-attr]
    assert places == sorted(places)


def test_what_the_model_does_not_return_is_shown_for_all_targets(tmp_path: Path) -> None:
    more = "  more:\n    observed: data.csv\n    output: nothere\n    match: {exact: t}\n    value: y\nsearch:"
    spec = SPEC.replace("    value: y", "    value: {observed: y, simulated: z}").replace("search:", more)
    ended = project(tmp_path / "p", spec=spec).mops("run", "--spec", "adaptive.yaml")
    assert ended.code == 2
    first, second = ended.err.strip().splitlines()
    assert "adaptive.yaml:13:" in first
    assert "no column 'z'" in first
    assert "adaptive.yaml:17:" in second
    assert "does not return 'nothere'" in second


def test_a_runs_id_keeps_to_the_rules_of_a_name(tmp_path: Path) -> None:
    ended = project(tmp_path / "p", spec=SPEC).mops("run", "--spec", "adaptive.yaml", "--run-id", "../evil")
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)
    assert "'../evil'; it must be a-z, 0-9 and -" in ended.err


@pytest.mark.parametrize("args", [("run",), ("run", "--spec", "x", "--workers", "0"), ("nonsense",), ("extend", "x")])
def test_a_wrong_command_line_is_one_line(args: tuple[str, ...], tmp_path: Path) -> None:
    ended = project(tmp_path / "p", spec=SPEC).mops(*args)
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)
    assert "--help" in ended.err


RETURNED = {
    "nothing": ("return None", "the model returned nothing (None); return a data frame"),
    "a text": ("return 'done'", "a single value, 'done'; return a data frame"),
    "a number": ("return 3.0", "a single value, 3.0; return a data frame"),
    "an array": ("return np.ones((5, 2))", "an array of shape (5, 2)"),
    "a list of rows": ("return [{'t': 0, 'y': 1.0}]", "a list of 1, whose columns have no names; return"),
    "an empty dict": ("return {}", "the model returned an empty dict; return"),
    "an empty output": ("return {'output': {}}", "has no columns; return"),
    "columns of unequal length": (
        "return {'t': range(5), 'y': [1.0] * 4}",
        "unequal length: t 5, y 4; give each a value",
    ),
    "single values": (
        "return {'deaths': 100.0, 'diagnoses': 1000.0}",
        "'deaths' is a single value, 100.0; a column is",
    ),
    "columns of something": ("return {'t': range(5), 'y': [object()] * 5}", "holds object; a column is"),
    "a column that is none": ("return {'t': range(5), 'y': None}", "'y' is of type NoneType; a column is"),
    "a table beside a list": ("return {'t': {'x': [1]}, 'y': [1.0]}", "a dict with a table ('t')"),
    "a generator": ("yield 1", "a generator: the function yields where it is to return"),
}


@pytest.mark.parametrize("what", RETURNED)
def test_a_first_simulation_that_returns_no_table_is_a_mistake_and_nothing_is_started(
    what: str, tmp_path: Path
) -> None:
    body, gist = RETURNED[what]
    made = project(tmp_path / "p", spec=SPEC, model=f"import numpy as np\n\ndef simulate(params, seed):\n    {body}\n")
    for command in ("run", "check"):
        ended = made.mops(command, "--spec", "adaptive.yaml")
        assert (ended.code, ended.out) == (2, ""), ended
        (line,) = ended.err.splitlines()
        assert line.startswith("mops: adaptive.yaml:4:21: ")
        assert gist in line
    assert not made.ledger.exists()
    assert not (made.root / "modelops-out").exists()
    with pytest.raises(SpecErrors) as caught:
        calibrate(made.root / "adaptive.yaml")
    assert gist in str(caught.value)


def test_a_coroutine_is_told_how_to_be_awaited(tmp_path: Path) -> None:
    made = project(tmp_path / "p", spec=SPEC, model=LINE_MODEL.replace("def simulate", "async def simulate"))
    ended = made.mops("run", "--spec", "adaptive.yaml")
    assert (ended.code, len(ended.err.splitlines())) == (2, 1), ended
    assert "a coroutine: the function is async, and nobody awaits it (asyncio.run does" in ended.err


def test_a_command_that_writes_no_table_is_a_mistake_of_the_spec(tmp_path: Path) -> None:
    spec = SPEC.replace('entrypoint: "model.py:simulate"', "command: ['true', '{outputs}']")
    ended = project(tmp_path / "p", spec=spec).mops("run", "--spec", "adaptive.yaml")
    assert (ended.code, len(ended.err.splitlines())) == (2, 1), ended
    assert ended.err.startswith("mops: adaptive.yaml:4:")
    assert "no *.parquet, *.csv, *.arrow or *.feather in {outputs}" in ended.err


@pytest.mark.parametrize("body", ["raise ValueError('too few')", "return {'t': range(5), 'y': [float('nan')] * 5}"])
def test_a_model_that_fails_at_these_parameters_is_none(body: str, tmp_path: Path) -> None:
    made = project(tmp_path / "p", spec=SPEC, model=f"def simulate(params, seed):\n    {body}\n")
    assert made.mops("run", "--spec", "adaptive.yaml").code == 1
    assert made.ledger.exists()


REMOVES = """
import os
import shutil
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))

def simulate(params, seed):
    {removes}
    t = np.arange(5)
    return {{"t": t, "y": params["slope"] * t + np.random.default_rng(seed).normal(size=5)}}
"""


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize("what", ["HERE", "os.getcwd()", "os.path.join(os.getcwd(), '.modelops')", "__file__"])
def test_a_model_that_removes_its_folder_ends_with_one_line_that_names_it(
    what: str, command: str, tmp_path: Path
) -> None:
    removes = f"os.path.isfile({what}) and os.remove({what}); shutil.rmtree({what}, ignore_errors=True)"
    made = project(tmp_path / "p", spec=SPEC, model=REMOVES.format(removes=removes))
    ended = made.mops(command, "--spec", "adaptive.yaml", *(["--quiet"] if command == "run" else []))
    assert "Traceback" not in ended.err + ended.out
    if ended.code == 0:
        assert "loss" in ended.out
    else:
        assert (ended.code, len(ended.err.splitlines())) == (1, 1), ended
        assert any(name in ended.err for name in ("adaptive.yaml", "model.py", "ledger.sqlite")), ended.err
