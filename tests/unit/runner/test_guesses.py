"""Parameter sets from a file: what is taken, and how each mistake is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modelops_runtime.contracts.errors import SpecErrors, UserError
from modelops_runtime.contracts.space import ChoiceParameter, IntegerParameter, ParameterSpace, RealParameter
from modelops_runtime.ledger.base import Run
from modelops_runtime.runner.setup.guesses import read_guesses
from modelops_runtime.specs.space import written_space

SPACE = ParameterSpace(
    (
        RealParameter(name="beta", low=0.5, high=5.0, scale="log"),
        IntegerParameter(name="delay", low=0, high=10, step=2),
        ChoiceParameter(name="shape", choices=("gamma", True)),
    )
)


def a_run(**changes: Any) -> Run:
    given: dict[str, Any] = {
        "run_id": "r",
        "identity": "",
        "identity_parts": {},
        "spec": {"parameters": {"population": 763, "beta": {"min": 0.5, "max": 5.0, "scale": "log", "type": "float"}}},
        "space": written_space(SPACE),
        "trials": 5,
        "replicates": 2,
    }
    return Run(**(given | changes))


def read(tmp_path: Path, text: str, run: Run | None = None) -> list[dict[str, Any]]:
    path = tmp_path / "guess.yaml"
    path.write_text(text, "utf-8")
    return read_guesses(path, run or a_run())


@pytest.mark.parametrize(
    "text",
    [
        "shape: gamma\nbeta: 2\ndelay: 4\n",
        "- {beta: 2.0, delay: 4, shape: gamma}\n",
        '{"beta": 2.0, "delay": 4, "shape": "gamma", "population": 763}',
    ],
)
def test_one_set_is_taken_in_each_of_its_forms(text: str, tmp_path: Path) -> None:
    (found,) = read(tmp_path, text)
    assert list(found.items()) == [("beta", 2.0), ("delay", 4), ("shape", "gamma")]
    assert type(found["beta"]) is float


def test_a_list_is_taken_in_its_order(tmp_path: Path) -> None:
    text = "- {beta: 2, delay: 4, shape: gamma}\n- {beta: 1, delay: 0, shape: true}\n"
    assert [found["beta"] for found in read(tmp_path, text)] == [2.0, 1.0]


MISTAKES = {
    "an unknown name": ("beta: 2\ndelay: 4\nshap: gamma\nshape: gamma\n", "3:1", "did you mean shape?"),
    "a missing name": ("beta: 2\nshape: gamma\n", "1:1", "no value for delay"),
    "a missing name in a list": (
        "- {beta: 2, delay: 4, shape: gamma}\n- {beta: 2, shape: gamma}\n",
        "2:3",
        "no value for delay",
    ),
    "above its bound": ("beta: 7.5\ndelay: 4\nshape: gamma\n", "1:7", "give a number from 0.5 to 5"),
    "between the steps": ("beta: 2\ndelay: 3\nshape: gamma\n", "2:8", "in steps of 2"),
    "no choice": ("beta: 2\ndelay: 4\nshape: lognormal\n", "3:8", "give one of 'gamma', true"),
    "text for a number": ("beta: '2'\ndelay: 4\nshape: gamma\n", "1:7", "not a finite number"),
    "another fixed value": ("beta: 2\ndelay: 4\nshape: gamma\npopulation: 1\n", "4:13", "fixed at 763"),
    "no set": ("- 3\n", "1:3", "3 is no parameter set"),
    "an empty list": ("[]\n", "1:1", "the list is empty"),
    "one value": ("3\n", "1:1", "3 is no parameter set"),
    "an empty file": ("", "1:1", "the file is empty; write name: value"),
    "no YAML": ("beta: [\n", "2:1", "not YAML"),
    "a name twice": ("beta: 2\nbeta: 3\ndelay: 4\nshape: gamma\n", "2:1", "there twice"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_with_its_place(mistake: str, tmp_path: Path) -> None:
    text, place, gist = MISTAKES[mistake]
    with pytest.raises(SpecErrors) as raised:
        read(tmp_path, text)
    (line,) = str(raised.value).splitlines()
    assert f"guess.yaml:{place}: " in line
    assert gist in line


def test_all_mistakes_are_shown_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(SpecErrors) as raised:
        read(tmp_path, "- {beta: 9, delay: 4, shape: gamma}\n- {beta: 2, delay: 40, shape: gamma}\n")
    assert [line.split("yaml:")[1][:1] for line in str(raised.value).splitlines()] == ["1", "2"]


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SpecErrors, match="no such file; give the path of a file with parameter sets"):
        read_guesses(tmp_path / "nothere.yaml", a_run())


def test_a_run_that_keeps_no_space_is_searched_as_its_spec_says(tmp_path: Path) -> None:
    old = a_run(space={})
    assert read(tmp_path, "beta: 2\n", old) == [{"beta": 2.0}]
    with pytest.raises(UserError, match="does not say what it searches"):
        read(tmp_path, "beta: 2\n", a_run(space={}, spec={"parameters": {"beta": {"max": 5.0}}}))
