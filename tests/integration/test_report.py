"""`mops report` as a user calls it."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from modelops_runtime.ledger.base import Trial
from modelops_runtime.ledger.opening import open_ledger
from tests.support.projects import Project, finished_line


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return finished_line(tmp_path_factory.mktemp("finished") / "line")


def test_the_page_is_named_after_the_run(finished: Project) -> None:
    ended = finished.mops("report", "line")
    assert (ended.code, ended.out, ended.err) == (0, "line.html\n", "")
    page = (finished.root / "line.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert page.count("<svg") > 8
    assert len(page) < 6_000_000


def test_figures_are_written_and_named(finished: Project) -> None:
    ended = finished.mops("report", "line", "--to", "made/page.html", "--figures", "made/figures")
    assert ended.code == 0, ended.err
    said = [Path(line) for line in ended.out.splitlines()]
    assert said[0] == Path("made/page.html")
    files = sorted((finished.root / "made" / "figures").glob("*.svg"))
    assert sorted(path.name for path in said[1:]) == [file.name for file in files]
    assert "convergence.svg" in {file.name for file in files}
    for file in files:
        assert ElementTree.parse(file).getroot().tag.endswith("svg")


def test_a_report_does_not_change_the_run(finished: Project) -> None:
    def rows() -> list[Trial]:
        ledger = open_ledger(str(finished.ledger), create=False)
        try:
            return ledger.trials("line")
        finally:
            ledger.close()

    before = rows()
    assert finished.mops("report", "line", "--to", "again.html").code == 0
    assert rows() == before


@pytest.mark.parametrize(
    ("args", "said"),
    [(("report", "other"), "other"), (("report", "line", "--ledger", "sqlite:///nowhere.sqlite"), "nowhere")],
)
def test_a_mistake_is_one_line_and_leaves_nothing(finished: Project, args: tuple[str, ...], said: str) -> None:
    ended = finished.mops(*args, "--to", "wrong.html", "--figures", "wrong")
    assert ended.code == 2
    assert len(ended.err.splitlines()) == 1, ended.err
    assert said in ended.err
    assert not (finished.root / "wrong.html").exists()
    assert not (finished.root / "wrong").exists()
