"""Secrets stay on this machine unless they are allowed by name; odd names and links end in one line, or are ignored."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.dask_cluster import Cluster
from tests.support.projects import Project, line_project

NOBODY = "tcp://127.0.0.1:1"


def with_secrets(root: Path) -> Project:
    made = line_project(root)
    (root / ".aws").mkdir()
    for name in (".aws/credentials", "id_rsa", "ca.pem"):
        (root / name).write_text("hunter2")
    (root.parent / "elsewhere.txt").write_text("hunter2")
    (root / "notes.txt").symlink_to(root.parent / "elsewhere.txt")
    return made


def test_a_run_here_is_not_refused_and_no_secret_is_copied(tmp_path: Path) -> None:
    made = with_secrets(tmp_path / "line")
    ended = made.mops("run", "--spec", "adaptive.yaml")
    assert ended.code == 0, ended.err
    cached = [path for path in Path(made.env["HOME"]).rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]
    assert cached == []


def test_dask_workers_get_none_and_all_are_named_in_one_line(tmp_path: Path) -> None:
    made = with_secrets(tmp_path / "line")
    ended = made.mops("run", "--spec", "adaptive.yaml", "--dask", NOBODY)
    assert ended.code == 2
    (line,) = ended.err.strip().splitlines()
    for name in (".aws/credentials", "id_rsa", "ca.pem", "notes.txt", ".mopsignore", ".mopsinclude"):
        assert name in line
    assert not made.ledger.exists()


def test_what_is_allowed_by_name_reaches_the_workers(tmp_path: Path) -> None:
    made = with_secrets(tmp_path / "line")
    (made.root / ".mopsignore").write_text(".aws/\nid_rsa\n")
    (made.root / ".mopsinclude").write_text("ca.pem\nnotes.txt\n")
    text = (made.root / "model.py").read_text()
    there = [".mopsignore", ".mopsinclude", "adaptive.yaml", "ca.pem", "data.csv", "model.py", "notes.txt"]
    looks = f"    assert sorted(os.listdir()) == {there}\n"
    (made.root / "model.py").write_text("import os\n" + text.replace("    rng = ", f"{looks}    rng = "))
    (tmp_path / "dask").mkdir()
    with Cluster(tmp_path / "dask") as cluster:
        cluster.add_worker(threads=2)
        ended = made.mops("run", "--spec", "adaptive.yaml", "--dask", cluster.address)
    assert ended.code == 0, ended.err


def circles(root: Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    (root / "self").symlink_to(".")
    (root / "above").symlink_to("..")
    (root / "sub").mkdir()
    (root / "sub" / "up").symlink_to("..")
    (root / "nowhere").symlink_to("/nowhere/at/all")


@pytest.mark.parametrize("command", ["check", "run"])
def test_links_in_a_circle_are_ignored(command: str, tmp_path: Path) -> None:
    made = line_project(tmp_path / "line")
    circles(made.root)
    ended = made.mops(command, "--spec", "adaptive.yaml")
    assert ended.code == 0, ended.err


def test_links_in_a_circle_do_not_keep_a_folder_from_dask(tmp_path: Path) -> None:
    made = line_project(tmp_path / "line")
    circles(made.root)
    (tmp_path / "dask").mkdir()
    with Cluster(tmp_path / "dask") as cluster:
        cluster.add_worker(threads=2)
        ended = made.mops("run", "--spec", "adaptive.yaml", "--dask", cluster.address)
    assert ended.code == 0, ended.err


@pytest.mark.parametrize("command", [("check",), ("run",), ("run", "--dask", NOBODY)], ids=" ".join)
def test_a_name_that_is_not_utf8_is_one_line_unless_it_is_ignored(command: tuple[str, ...], tmp_path: Path) -> None:
    made = line_project(tmp_path / "line")
    with open(os.path.join(os.fsencode(made.root), b"caf\xe9.txt"), "w") as file:
        file.write("x")
    ended = made.mops(*command, "--spec", "adaptive.yaml")
    assert ended.code == 2
    (line,) = ended.err.strip().splitlines()
    assert "caf\\xe9.txt: this name is not UTF-8" in line
    (made.root / ".mopsignore").write_text("caf*.txt\n")
    if NOBODY not in command:
        ended = made.mops(*command, "--spec", "adaptive.yaml")
        assert ended.code == 0, ended.err
