"""What a machine lacks is named and left out, and fails with REQUIRE_ALL=1; so it is for two processes of tests, too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
NEEDING = """
from tests.support.needs import need

def test_there():
    need("a thing that is there", True)

def test_one():
    need("Postgres-XL (apt-get install it)", None)

def test_two():
    need("Postgres-XL (apt-get install it)", None)
"""


def run(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text("from tests.conftest import pytest_terminal_summary\n")
    (folder / "test_needing.py").write_text(NEEDING)
    command = [sys.executable, "-m", "pytest", str(folder), "-n", "2", "-c", str(ROOT / "pyproject.toml")]
    kept = {name: value for name, value in os.environ.items() if name != "REQUIRE_ALL"}
    return subprocess.run(
        [*command, "--rootdir", str(folder)], cwd=ROOT, env={**kept, **env}, capture_output=True, text=True, check=False
    )


def test_what_is_missing_is_named_and_left_out(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "left out, since this machine lacks Postgres-XL (apt-get install it): 2 tests" in done.stdout
    assert "1 passed, 2 skipped" in done.stdout


def test_with_require_all_it_fails(tmp_path: Path) -> None:
    done = run(tmp_path, REQUIRE_ALL="1")
    assert done.returncode == 1
    assert "2 failed, 1 passed" in done.stdout
    assert "this machine lacks Postgres-XL (apt-get install it), and REQUIRE_ALL=1 leaves nothing out" in done.stdout


@pytest.mark.parametrize("kind", ["tests", "cluster"])
def test_the_systems_part_says_the_same(kind: str, tmp_path: Path) -> None:
    """`.ci/system` with nothing on its PATH, as nobody who could install it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "id").write_text("#!/bin/sh\necho 1000\n")
    (programs / "id").chmod(0o755)
    for required, code in (("", 0), ("1", 1)):
        env = {"PATH": str(programs), "REQUIRE_ALL": required}
        command = ["/bin/sh", str(ROOT / ".ci/system"), kind]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        assert ("chromium" if kind == "tests" else "containerd") in done.stdout
        assert ("left out" in done.stdout) == (not required)
