"""`mops run` and `mops report` on real runs, and what a browser makes of the pages and figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import Page
from tests.browser.projects import PROJECTS, run_all


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    return run_all(tmp_path_factory.mktemp("runs"))


@pytest.mark.parametrize("width", [1000, 390])
@pytest.mark.parametrize("name", PROJECTS)
def test_the_page_of_a_real_run_opens_offline(tab: Page, pages, name, width):
    assert pages[name].stat().st_size < 6_000_000
    tab.open(pages[name], width=width)
    assert tab.complaints() == []
    assert [url for url in tab.requests() if not url.startswith(("file:", "data:"))] == []
    assert tab.value("document.documentElement.scrollWidth") <= width
    drawn = "[...document.querySelectorAll('svg.figure')].filter(f => f.getBoundingClientRect().height > 0)"
    assert tab.value(f"{drawn}.length") >= 8
    assert tab.value("[...document.querySelectorAll('.plot > .says')].filter(p => !p.textContent.trim()).length") == 0


@pytest.mark.parametrize("name", PROJECTS)
def test_the_figures_of_a_real_run_open_alone(tab: Page, pages, name):
    files = sorted((pages[name].parent / "figures").glob("*.svg"))
    assert len(files) >= 8
    for file in files:
        tab.open(file)
        assert tab.complaints() == []
        assert tab.value("document.documentElement.tagName") == "svg"
        assert tab.value("document.querySelectorAll('path').length") > 5


def test_each_page_says_what_is_the_matter(tab: Page, pages):
    def text(name: str) -> str:
        tab.open(pages[name])
        return tab.value("document.body.innerText")

    school, failing, ridge, bound = (text(name) for name in PROJECTS)
    assert "What the data fix" in school
    assert "interval" in school
    assert "The run failed after" in failing
    assert "probability of infection" in failing
    assert "unequal length" in failing
    assert "one infectious boy of 763" in failing, "the model's own log"
    assert "The data fix beta × duration" in ridge
    assert "gamma sits on its upper bound (0.3)" in bound
