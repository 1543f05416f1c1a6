"""Every command's help has an example, and the examples do what they say."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.support.commands import commands, examples, parse
from tests.support.patience import PATIENCE_S
from tests.support.projects import Project, mops_environment
from tests.support.sizes import FULL

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = dict(commands())
BEFORE = {
    "mops pause": "mops extend boarding-school --trials 400",
    "mops rescore": "sed 's/kind: negative_binomial, dispersion: 10/kind: poisson/' adaptive.yaml > poisson.yaml",
    "mops completion": "mkdir -p ~/.config/fish/completions",
}
"""What an example takes for granted, beside the finished run of the boarding school."""

QUICKLY = {
    "replicates: {min: 20, max: 200}": "replicates: 4",
    "confirm: {top: 5, replicates: 1000}": "confirm: {top: 3, replicates: 20}",
}
"""Changes of the boarding school's spec: as many trials as its examples speak of, with fewer simulations."""

if not FULL:
    # 10,000 trials as the examples of a selftest stand; a grid of 16 sets is used up before.
    GRID = "{ sed 's/algorithm: optuna/algorithm: grid/' adaptive.yaml; echo '  options: {levels: 4}'; }"
    BEFORE["mops selftest"] = f"{GRID} > grid.yaml && mv grid.yaml adaptive.yaml"

ON_A_CLUSTER = ("mops workspace", "mops adaptive", "mops dashboard", "mops doctor")
"""tests/cluster runs these."""


def can_run(line: str) -> bool:
    """Not what needs another machine, another shell, or goes on for ever."""
    return (
        not line.startswith(ON_A_CLUSTER)
        and "--workspace" not in line
        and not any(word in line for word in ("postgresql://", "tcp://", "zsh", "optuna-dashboard", "RUN"))
        and line[0] != "#"
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_has_an_example_of_the_command_and_each_parses(name: str) -> None:
    command = COMMANDS[name]
    lines = [line for line in examples(command) if line.startswith("mops")]
    assert any(f"{line} ".startswith(f"{name} ") for line in lines)
    for line in lines:
        parse(line)
    if not isinstance(command, click.Group):
        assert any(parse(line) == name for line in lines)


@pytest.mark.parametrize(
    "line", ["mops run --spec a.yaml --nothing", "mops results export x --to y --format z", "mops run"]
)
def test_an_example_that_is_wrong_would_be_found(line: str) -> None:
    with pytest.raises(click.UsageError):
        parse(line)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The boarding school, calibrated; `mops` and `python` on its PATH are these."""
    folder = tmp_path_factory.mktemp("help")
    made = ROOT / "examples" / "boarding-school"
    root = shutil.copytree(
        made, folder / "school", ignore=shutil.ignore_patterns(".modelops", "modelops-out", "__pycache__")
    )
    spec = (root / "adaptive.yaml").read_text()
    for old, new in () if FULL else QUICKLY.items():
        assert old in spec
        spec = spec.replace(old, new)
    (root / "adaptive.yaml").write_text(spec)
    programs, home = folder / "bin", folder / "home"
    programs.mkdir()
    home.mkdir()
    (programs / "mops").write_text(f"#!{sys.executable}\nfrom mops.cli import main\n\nmain()\n")
    (programs / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    env = mops_environment(home)
    paths = {"PATH": f"{programs}:{env['PATH']}", "PYTHONPATH": f"{ROOT}:{ROOT}/scripts"}
    project = Project(root, env | paths)
    ended = project.mops("run", "--spec", "adaptive.yaml")
    assert ended.code == 0, ended.err
    return project


@pytest.mark.parametrize("name", [name for name in COMMANDS if any(map(can_run, examples(COMMANDS[name])))])
def test_the_examples_run_on_the_boarding_school(name: str, finished: Project, tmp_path: Path) -> None:
    folder = shutil.copytree(finished.root, tmp_path / "school")
    lines = ["set -euo pipefail", BEFORE.get(name, "true"), *filter(can_run, examples(COMMANDS[name]))]
    lines = [line.partition(" | jq")[0] for line in lines]  # not everybody has it
    ended = subprocess.run(
        ["bash", "--norc", "-c", "\n".join(lines)],
        cwd=folder,
        env=finished.env,
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * PATIENCE_S,
    )
    assert ended.returncode == 0, f"{lines}\n{ended.stdout}{ended.stderr}"
    assert ended.stdout or ">" in lines[-1]
