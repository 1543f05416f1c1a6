"""A figure of the report is one file: a copy of the package with one file more has one figure more, everywhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import modelops_runtime
from modelops_runtime.ledger.opening import open_ledger
from modelops_runtime.results.report import figures
from modelops_runtime.results.report.figure import PageSection
from modelops_runtime.results.report.figure_discovery import find_figures
from tests.unit.inference.runs import boarding_school

NEW = '''
"""How long the trials took."""

from modelops_runtime.contracts.wording import counted
from modelops_runtime.results.report.figure import Drawing, Figure, FigureData, PageSection
from modelops_runtime.results.report.plot.scales import Scale, linear_ticks
from modelops_runtime.results.report.plot.svg import NARROW, WIDE, Axes, Frame, dots, picture


def draw(data: FigureData) -> list[Drawing]:
    seconds = sorted(trial.seconds for trial in data.run_data.trials if trial.seconds)
    says = f"{counted(len(seconds), 'trial')} took at most {seconds[-1]:.3g} s each."
    return [
        Drawing(
            title="How long a trial takes",
            says=says,
            wide=_picture(WIDE, seconds, says),
            narrow=_picture(NARROW, seconds, says),
            legend=(("dot patience", "a trial"),),
            name="seconds of a trial",
        )
    ]


def _picture(frame: Frame, seconds: list[float], says: str) -> str:
    x, y = Scale(0, len(seconds), *frame.x_range), Scale(0, seconds[-1], *frame.y_range)
    ticks = linear_ticks(0, len(seconds)), linear_ticks(0, seconds[-1])
    axes = Axes(x=x, y=y, x_ticks=ticks[0], y_ticks=ticks[1], x_name="trial", y_name="seconds")
    return picture(frame, axes, [dots([(x(i), y(s)) for i, s in enumerate(seconds)], "patience")], says)


FIGURE = Figure(
    kind="patience",
    section=PageSection.SEARCH,
    rank=5,
    draw=draw,
    css="svg .patience { stroke: var(--good); stroke-width: 4; }",
)
'''


def headings(html: str) -> list[str]:
    return re.findall(r"<h2[^>]*>(.*?)</h2>", html)


@pytest.fixture
def ledger_file(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    ledger = open_ledger(str(path))
    boarding_school(30).tell(ledger)
    ledger.close()
    return path


def report(folder: Path, ledger_file: Path, python_path: str = "") -> str:
    """What `mops report` writes in `folder`, with the package that Python finds first."""
    folder.mkdir()
    mops, run = Path(sys.executable).with_name("mops"), boarding_school(30).run.run_id
    subprocess.run(
        [mops, "report", run, "--ledger", ledger_file, "--to", "report.html", "--figures", "figures"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": python_path},
        check=True,
        capture_output=True,
        timeout=60,
    )
    return (folder / "report.html").read_text(encoding="utf-8")


def test_one_more_file_is_one_more_figure_on_the_page_and_among_the_files(tmp_path: Path, ledger_file: Path):
    package = Path(modelops_runtime.__path__[0])
    copy = tmp_path / "source" / package.name
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "results/report/figures/patience.py").write_text(NEW, encoding="utf-8")

    before, after = report(tmp_path / "before", ledger_file), report(tmp_path / "after", ledger_file, str(copy.parent))

    old, new = headings(before), headings(after)
    assert [title for title in new if title != "How long a trial takes"] == old
    assert new[new.index("How long a trial takes") + 1] == "How the search went"
    section = after[after.index('<section class="plot patience">') :]
    section = section[: section.index("</section>")]
    assert "33 trials took at most" in section
    assert section.count('aria-label="33 trials took at most') == 2, "the wide one and that of a phone say it in words"
    assert "a trial</li>" in section
    assert "svg .patience { stroke: var(--good)" in after
    names = [{path.name for path in (tmp_path / side / "figures").iterdir()} for side in ("before", "after")]
    assert names[1] - names[0] == {"seconds-of-a-trial.svg"}
    alone = (tmp_path / "after/figures/seconds-of-a-trial.svg").read_text(encoding="utf-8")
    assert "svg .patience { stroke: #17723b" in alone, "the light colour, written in"
    assert "a trial</text>" in alone


def test_figures_stand_in_the_order_of_their_places_and_ranks():
    found = find_figures()
    places = list(PageSection)
    order = [(places.index(figure.section), figure.rank) for figure in found]
    assert order == sorted(order)
    assert len({figure.kind for figure in found}) == len(found)


def test_a_file_without_a_figure_is_refused_by_name(tmp_path: Path, monkeypatch):
    (tmp_path / "empty_one.py").write_text('"""Nothing."""\n', encoding="utf-8")
    monkeypatch.setattr(figures, "__path__", [*figures.__path__, str(tmp_path)])
    with pytest.raises(TypeError, match=r"figures\.empty_one has no FIGURE"):
        find_figures()
