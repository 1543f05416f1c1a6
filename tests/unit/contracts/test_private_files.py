"""What may tell of people is its owner's alone, whatever the umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelops_runtime.contracts.private_files import appended, make_file, make_folder
from modelops_runtime.ledger.opening import open_ledger
from tests.unit.ledger.builders import a_run


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_ledger_and_its_folder_are_made_for_their_owner(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "project" / ".modelops" / "ledger.sqlite"
    ledger = open_ledger(str(path))
    ledger.create_run(a_run())
    assert mode(path.parent) == 0o700
    assert {file.name: mode(file) for file in path.parent.iterdir()} == {
        "ledger.sqlite": 0o600, "ledger.sqlite-wal": 0o600, "ledger.sqlite-shm": 0o600,
    }  # fmt: skip
    assert mode(path.parent.parent) == 0o777 & ~umask, "the project's own folder is the user's"
    ledger.close()


def test_a_ledger_elsewhere_is_private_when_it_is_made_and_left_alone_when_it_is_there(
    tmp_path: Path, umask: int
) -> None:
    path = tmp_path / "shared" / "runs.sqlite"
    open_ledger(str(path)).close()
    assert mode(path) == 0o600
    assert mode(path.parent) == 0o777 & ~umask
    path.chmod(0o660)
    open_ledger(str(path)).close()
    assert mode(path) == 0o660, "shared with a group on purpose"


def test_a_folder_of_ours_that_was_open_is_closed_by_who_writes(tmp_path: Path) -> None:
    path = tmp_path / ".modelops" / "ledger.sqlite"
    open_ledger(str(path)).close()
    path.parent.chmod(0o755)
    path.chmod(0o644)
    open_ledger(str(path), create=False).close()
    assert (mode(path.parent), mode(path)) == (0o755, 0o644), "who reads changes nothing"
    open_ledger(str(path)).close()
    assert (mode(path.parent), mode(path)) == (0o700, 0o600)


def test_a_log_is_private_also_when_it_was_there(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "trial-000001.log"
    for _ in range(2):
        with appended(path) as file:
            file.write("\ud800 printed\n")
        assert mode(path) == 0o600
        path.chmod(0o644)
    assert path.read_text() == "\\ud800 printed\n" * 2


def test_folders_within_ours_are_private_too(tmp_path: Path, umask: int) -> None:
    made = tmp_path / "home" / ".modelops" / "kubeconfig"
    make_folder(made)
    assert [mode(folder) for folder in (made, made.parent)] == [0o700, 0o700]
    assert mode(made.parent.parent) == 0o777 & ~umask


def test_what_cannot_be_made_is_left_to_who_opens_it(tmp_path: Path) -> None:
    make_file(tmp_path / "nowhere" / "ledger.sqlite")
    make_file(tmp_path)
    assert list(tmp_path.iterdir()) == []
