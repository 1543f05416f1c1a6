"""`mops completion`, in a real bash."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.projects import Project, line_project
from tests.support.terminal import terminal


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A folder with two runs, and a `mops` on the PATH that is this one."""
    made = line_project(tmp_path_factory.mktemp("completed") / "line", trials=2, replicates=2)
    for name in ("line-first", "line-second"):
        assert made.mops("run", "--spec", "adaptive.yaml", "--run-id", name).code == 0
    programs = made.root / "bin"
    programs.mkdir()
    (programs / "mops").write_text(f"#!{sys.executable}\nfrom mops.cli import main\n\nmain()\n")
    (programs / "mops").chmod(0o755)
    source = str(Path(__file__).resolve().parents[2])
    paths = f"{source}:{source}/scripts"
    return Project(made.root, {**made.env, "PATH": f"{programs}:{made.env['PATH']}", "PYTHONPATH": paths})


def completed(made: Project, *words: str) -> list[str]:
    """What bash offers for the last word, by the function that the script defines."""
    script = """
eval "$(mops completion bash)"
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
$(complete -p mops | sed -E 's/.*-F ([^ ]+).*/\\1/') mops "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
    ended = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", "mops", *words],
        cwd=made.root,
        env=made.env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr == ""
    return ended.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["res"], ["rescore", "results", "resume"]),
        (["results", ""], ["ls", "show", "export"]),
        (["status", "line-"], ["line-second", "line-first"]),
        (["report", "line-f"], ["line-first"]),
        (["results", "export", "line-s"], ["line-second"]),
        (["results", "export", "line-first", "--format", ""], ["parquet", "csv", "optuna"]),
        (["results", "export", "line-first", "--fo"], ["--format"]),
        (["run", "--wor"], ["--workers", "--workspace"]),
        (["status", "line-first", "--ledger", "nowhere.sqlite", "--js"], ["--json"]),
        (["completion", "z"], ["zsh"]),
    ],
)
def test_bash_completes(words: list[str], offered: list[str], finished: Project) -> None:
    assert sorted(completed(finished, *words)) == sorted(offered)


def test_names_of_runs_are_none_where_there_is_no_ledger(finished: Project, tmp_path: Path) -> None:
    assert completed(Project(tmp_path, finished.env), "status", "") == []


def test_the_tab_key_completes_in_an_interactive_bash(finished: Project) -> None:
    env = {**finished.env, "TERM": "xterm-256color", "PS1": "$ "}
    with terminal(["bash", "--norc", "--noprofile", "-i"], cwd=str(finished.root), env=env) as shown:
        shown.until(lambda text: text.endswith("$"))
        shown.press(b'eval "$(mops completion bash)"; echo defined\n')
        shown.until(lambda text: "\ndefined\n" in text)
        shown.press(b"mops stat\t")
        shown.until(lambda text: text.endswith("$ mops status"))
        shown.press(b"line-f\t")
        shown.until(lambda text: text.endswith("$ mops status line-first"))
        shown.press(b"\n")
        shown.until(lambda text: "line-first: completed" in text)


@pytest.mark.parametrize(("shell", "says"), [("zsh", "#compdef mops"), ("fish", "complete --no-files --command mops")])
def test_other_shells_have_a_script_too(shell: str, says: str, finished: Project) -> None:
    ended = finished.mops("completion", shell)
    assert (ended.code, ended.err) == (0, "")
    assert says in ended.out
    assert f"_MOPS_COMPLETE={shell}_complete" in ended.out
    assert finished.mops("completion", "tcsh").code == 2


def test_a_completion_costs_no_more_than_python_and_click(finished: Project) -> None:
    """The least processor time of five, as a multiple: it is the same on a slow machine, and on a busy one."""

    def used_s() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    def least_s(*command: str, **env: str) -> float:
        took = []
        for _ in range(5):
            before = used_s()
            subprocess.run(
                command, cwd=finished.root, env={**finished.env, **env}, check=True, stdout=subprocess.DEVNULL
            )
            took.append(used_s() - before)
        return min(took)

    completing = {"_MOPS_COMPLETE": "bash_complete", "COMP_WORDS": "mops res", "COMP_CWORD": "1"}
    # 1.8 times; with NumPy it would be 4.5 times.
    assert least_s("mops", **completing) < 3 * least_s(sys.executable, "-c", "import click")
    heavy = "import sys, mops.cli; sys.exit(sorted({'numpy', 'pydantic', 'optuna', 'rich', 'pyarrow'} & set(sys.modules)) or 0)"
    subprocess.run([sys.executable, "-c", heavy], env=finished.env, check=True)
