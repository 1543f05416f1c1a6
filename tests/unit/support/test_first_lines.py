"""A failure's first lines: what was expected, what came, how to repeat it alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FAILING = """
import pytest
from pathlib import Path

def test_compared():
    found = {"code": 1}
    assert found["code"] == 0, "no such file"

@pytest.mark.parametrize("name", ["it's"])
def test_said(name):
    assert not name, "a name came"

def test_an_error():
    {}["key"]

def test_nothing_raised():
    with pytest.raises(ValueError, match="bad"):
        int("3")

@pytest.mark.cluster
def test_on_the_cluster():
    assert [1, 2] == [1, 3]
"""
EXPECTED = {
    "test_compared": ["expected: found['code'] == 0", "came:     1", "needed:   == 0", "said:     no such file"],
    "test_said[it's]": ["expected: not name", "came:     a name came"],
    "test_an_error": ['expected: no error from {}["key"]', "came:     KeyError: 'key'"],
    "test_nothing_raised": ["expected: with pytest.raises(ValueError", "came:     Failed: DID NOT RAISE ValueError"],
    "test_on_the_cluster": ["expected: [1, 2] == [1, 3]", "came:     [1, 2]", "needed:   == [1, 3]"],
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a run of failing tests prints, two at a time as `make test` runs them."""
    folder = tmp_path_factory.mktemp("failing")
    (folder / "test_failing.py").write_text(FAILING)
    command = [sys.executable, "-m", "pytest", str(folder), "-n", "2", "-p", "tests.support.first_lines", "-c"]
    done = subprocess.run(
        [*command, str(ROOT / "pyproject.toml"), "--rootdir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", EXPECTED)
def test_the_first_lines_say_what_was_expected_what_came_and_how_to_repeat_it(name: str, said: str) -> None:
    lines = said.partition(f"_ {name} _")[2].splitlines()[2:]  # the title's end, and xdist's line
    found = lines[: len(EXPECTED[name]) + 1]
    assert [line[: len(wanted)] for line, wanted in zip(found, EXPECTED[name], strict=False)] == EXPECTED[name]
    quoted = f"test_failing.py::{name}".replace("'", "'\\''")
    how = f"make test-cluster TESTS='{quoted}'" if "cluster" in name else f"-m pytest '{quoted}'"
    assert found[-1].startswith("alone:")
    assert found[-1].endswith(how)
