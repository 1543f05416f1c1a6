"""A forked command is as one of an interpreter of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import forked
from tests.support.needs import need
from tests.support.projects import Project, line_project

PATHS = "def simulate(params, seed):\n    import sys\n    raise ValueError(repr(sys.path))\n"


@pytest.fixture
def line(tmp_path: Path) -> Project:
    made = line_project(tmp_path / "line")
    need("Linux, where commands are forked", forked.is_the_same(made.env))
    return made


@pytest.mark.parametrize("args", [(), ("--version",), ("status", "nobody"), ("check", "--spec", "nowhere.yaml")])
def test_it_says_and_returns_the_same(line: Project, args: tuple[str, ...]) -> None:
    assert line.mops(*args) == line.shipped(*args)


def test_a_model_finds_the_same_modules(line: Project) -> None:
    (line.root / "model.py").write_text(PATHS)
    command = ("check", "--spec", "adaptive.yaml")
    found = [re.findall(r"ValueError: (\[.*?\])", run(*command).out) for run in (line.mops, line.shipped)]
    assert found[0] == found[1]
    assert len(set(found[0])) == 1


def test_another_environment_of_the_interpreter_is_not_forked(line: Project) -> None:
    assert not forked.is_the_same({**line.env, "PYTHONHASHSEED": "1"})
    assert not forked.is_the_same({**line.env, "OMP_NUM_THREADS": "7"})


def test_what_does_not_end_is_killed(line: Project) -> None:
    (line.root / "model.py").write_text("import time\ndef simulate(params, seed):\n    time.sleep(1000)\n")
    spec = line.root / "adaptive.yaml"
    spec.write_text(spec.read_text().replace("20s", "1h"))
    with pytest.raises(TimeoutError, match=r"mops run --spec adaptive\.yaml does not end"):
        line.mops("run", "--spec", "adaptive.yaml", timeout_s=1)


IMPORTS = """
import os, pkgutil, sys
import mops.commands, mops_azure.commands
for package in (mops.commands, mops_azure.commands):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        child = os.fork()
        if not child:
            __import__(module.name)
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            sys.exit(module.name)
"""


def test_each_command_imports_all_that_it_needs_itself() -> None:
    """Nothing else is loaded before it, as in no other test: commands are forked where much is."""
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 0, done.stderr
