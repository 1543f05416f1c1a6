"""A damaged row ends each command that reads it with one line: ledger, run, row, column, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelops_runtime import open_run
from modelops_runtime.contracts.errors import LedgerError
from tests.support.ledgers import copied
from tests.support.projects import LINE_DATA, LINE_MODEL, Project, finished_line, project

READERS = (
    ("status", "line"), ("results", "ls"), ("results", "show", "line"), ("results", "export", "line", "--to", "out"),
    ("report", "line"), ("replay", "line", "2"), ("rescore", "line", "--spec", "adaptive.yaml", "--run-id", "anew"),
    ("run", "--spec", "adaptive.yaml", "--trials", "32"),
)  # fmt: skip
CHANGERS = (("extend", "line", "--trials", "40"), ("enqueue", "line", "set.yaml"), ("resume", "line"))
OF_REPLICATES = (READERS[3], READERS[4], READERS[5], READERS[6])

DAMAGE = {
    "no JSON": ("UPDATE run SET spec = '{'", (*READERS, *CHANGERS), "run 'line': column spec holds no JSON"),
    "a list": ("UPDATE run SET observations = '[]'", READERS, "run 'line': column observations holds '[]'"),
    "text": ("UPDATE run_state SET trials = 'many'", (*READERS, *CHANGERS), "run 'line': column trials holds text"),
    "no params": ("UPDATE trial SET params = NULL WHERE number = 2", READERS, "trial 2: column params holds nothing"),
    "no UTF-8": ("UPDATE trial SET error = x'ff' WHERE number = 2", READERS, "trial 2: column error holds bytes"),
    "a cut": (
        "UPDATE replicate SET aligned = substr(aligned, 1, 9) WHERE number = 2",
        OF_REPLICATES,
        "trial 2, replicate 0: column aligned cannot be read",
    ),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Its best trial is 2."""
    made = finished_line(tmp_path_factory.mktemp("finished") / "line")
    (made.root / "set.yaml").write_text("{slope: 2.0, height: 1.0}\n")
    assert "trial 2:" in made.mops("status", "line").out
    return made


def damaged(finished: Project, root: Path, sql: str) -> Project:
    made = project(root, spec=(finished.root / "adaptive.yaml").read_text(), model=LINE_MODEL, data=LINE_DATA)
    (root / "set.yaml").write_text((finished.root / "set.yaml").read_text())
    made.ledger.parent.mkdir()
    with copied(finished.ledger, made.ledger) as copy:
        copy.execute("PRAGMA ignore_check_constraints = ON")
        assert copy.execute(sql).rowcount > 0
    return made


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_row_is_one_line(finished: Project, tmp_path: Path, what: str) -> None:
    sql, commands, expected = DAMAGE[what]
    made = damaged(finished, tmp_path / "line", sql)
    for args in commands:
        ended = made.mops(*args)
        last = ended.err.splitlines()[-1] if ended.err else ""
        assert ended.code == 1, (args, ended.out, ended.err)
        assert last.startswith("mops: ") and str(made.ledger) in last and expected in last, (args, ended.err)  # noqa: PT018
        assert last.endswith("take the ledger from a backup, or start a new one")
        assert "defect" not in ended.err


def test_python_meets_an_error_of_ours(finished: Project, tmp_path: Path) -> None:
    made = damaged(finished, tmp_path / "line", "UPDATE run SET summary = '[]'")
    with pytest.raises(LedgerError, match="run 'line': column summary holds"):
        open_run("line", made.ledger)


def test_a_completed_run_without_its_answer_is_one_line(finished: Project, tmp_path: Path) -> None:
    made = damaged(finished, tmp_path / "line", "UPDATE run SET summary = '{}'")
    ended = made.mops("run", "--spec", "adaptive.yaml")
    assert ended.code == 1
    assert "run 'line' is completed, and column summary of its row lacks best_trial" in ended.err
    assert len(ended.err.splitlines()) == 1
