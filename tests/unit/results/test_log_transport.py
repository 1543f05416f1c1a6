"""Files through a log: whole, or refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.results.log_transport import LIMIT, received, sent


def some_files(folder: Path) -> dict[str, bytes]:
    made = {"a.parquet": os.urandom(50_000), "run.json": b"{}\n", "empty.csv": b""}
    for name, content in made.items():
        (folder / name).write_bytes(content)
    return made


def test_what_was_sent_is_received_whatever_else_is_in_the_log(tmp_path: Path) -> None:
    made = some_files(tmp_path)
    lines = list(sent([tmp_path / name for name in made]))
    assert max(map(len, lines)) < 16_000
    said = [text for line in lines for text in ("a warning of a library", line)]
    assert received(said) == made
    assert received(sent([])) == {}


def test_a_log_that_is_cut_or_changed_is_refused(tmp_path: Path) -> None:
    lines = list(sent([tmp_path / name for name in some_files(tmp_path)]))
    other = lines[0].replace(lines[0][20], "A" if lines[0][20] != "A" else "B", 1)
    for harmed in (lines[:-1], lines[1:], [other, *lines[1:]], [lines[0][:-5], *lines[1:]], [], ["nothing of ours"]):
        with pytest.raises(LedgerError, match="not whole"):
            received(harmed)


def test_what_a_log_cannot_carry_is_refused_with_its_size(tmp_path: Path) -> None:
    path = tmp_path / "fit.parquet"
    path.write_bytes(os.urandom(LIMIT + 1))
    with pytest.raises(LedgerError, match=r"take 7\.0 MB"):
        list(sent([path]))
