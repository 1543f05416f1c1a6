"""An algorithm of somebody else's: built, installed, and loaded by its name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from modelops_runtime.algorithms.registry import load_algorithm
from modelops_runtime.contracts.errors import UserError
from tests.support.ledgers import answer_of, assert_whole
from tests.support.projects import Project, line_project
from tests.unit.algorithms.searches import REALS

SCRIPT = """
from modelops_runtime.algorithms.registry import load_algorithm
from modelops_runtime.contracts.errors import UserError
from tests.unit.algorithms.searches import REALS, search
print(search(load_algorithm("hillclimb", REALS, 3, {"step": 0.2}), 30).proposed == \
search(load_algorithm("hillclimb", REALS, 3, {"step": 0.2}), 30).proposed)
for name, options in (("hillclimb", {"stepp": 1}), ("broken", {}), ("hillclimbs", {})):
    try:
        load_algorithm(name, REALS, 3, options)
    except (UserError, ValueError) as error:
        print(error)
"""

LOAD = """
from modelops_runtime.algorithms.registry import load_algorithm
from modelops_runtime.contracts.errors import UserError
from tests.unit.algorithms.searches import REALS
try:
    load_algorithm({name!r}, REALS, 1, {options!r})
except (UserError, ValueError) as error:
    print(error)
"""


@pytest.fixture(scope="session")
def installed(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("third-party")
    source, target = folder / "source", folder / "site"
    shutil.copytree(Path(__file__).parent / "third_party", source)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*install, "--target", str(target), str(source)], check=True, capture_output=True, text=True)
    return target


def ran(script: str, *folders: Path) -> str:
    """What a fresh interpreter prints that has `folders` among its packages."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, [*folders, Path(__file__).parents[3]]))}
    return subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True).stdout


def test_an_installed_algorithm_is_loaded_by_its_name_and_a_broken_one_is_one_line(installed):
    same, option, broken, unknown = ran(SCRIPT, installed).splitlines()
    assert same == "True"
    assert option == "hillclimb has no option 'stepp'; its options are step"
    assert broken == (
        "algorithm 'broken' (hillclimb.broken:create of hillclimb) cannot be loaded: "
        "ModuleNotFoundError: No module named 'a_package_that_is_not_installed'"
    )
    assert unknown.startswith(
        "there is no algorithm 'hillclimbs' (did you mean 'hillclimb'?); installed are broken, grid,"
    )


def test_a_run_searches_with_it_and_goes_on_where_it_was(installed: Path, tmp_path: Path):
    answers = []
    for name, stages in (("whole", (12,)), ("halves", (6, 12))):
        made = line_project(tmp_path / name, extra="  algorithm: hillclimb\n  options: {step: 0.2}")
        found = [str(installed), made.env.get("PYTHONPATH", "")]
        made = Project(made.root, {**made.env, "PYTHONPATH": os.pathsep.join(filter(None, found))})
        for trials in stages:
            ended = made.mops("run", "--spec", "adaptive.yaml", "--workers", "1", "--trials", str(trials))
            assert ended.code == 0, ended.err
        assert_whole(str(made.ledger), "line", trials=12)
        answers.append([entry for entry in answer_of(str(made.ledger), "line") if entry[0] == "search"])
    assert answers[0] == answers[1]


def test_a_name_installed_twice_is_refused_with_both_places(tmp_path):
    for package in ("first", "second"):
        metadata = tmp_path / package / f"{package}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[modelops.algorithms]\nanneal = {package}:create\n")
    said = ran(LOAD.format(name="anneal", options={}), tmp_path / "first", tmp_path / "second")
    assert (
        said == "algorithm 'anneal' is installed more than once (first:create, second:create); uninstall all but one\n"
    )


def test_gp_without_torch_says_what_to_install():
    no_torch = "import sys; sys.modules['torch'] = None"  # as Python says a module that cannot be imported
    said = ran(f"{no_torch}\n{LOAD.format(name='optuna', options={'sampler': 'gp'})}")
    assert said == "algorithm optuna with sampler gp needs torch; pip install 'modelops[gp]'\n"


def test_an_unknown_name_is_one_line_with_the_names_there_are():
    with pytest.raises(
        UserError, match=r"there is no algorithm 'optunna' .did you mean 'optuna'.*grid, lhs, optuna, random, sobol"
    ):
        load_algorithm("optunna", REALS, 1, {})
