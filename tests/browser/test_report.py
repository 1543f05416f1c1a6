from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from modelops_runtime.results.report.standalone import named_figures
from tests.browser.chromium import Page
from tests.unit.results.stories import STORIES, drawings, page

SEEN = "[...document.querySelectorAll('svg.figure')].filter(f => f.getBoundingClientRect().height > 0)"

PHONE = 390
"""CSS pixels across the usual phone; SMALL is the narrowest still in use."""

SMALL = 360


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    found: dict[str, Path] = {}
    for name, story in STORIES.items():
        found[name] = folder / f"{name.replace(' ', '-')}.html"
        found[name].write_text(page(story()), encoding="utf-8")
    return found


@pytest.mark.parametrize("name", STORIES)
def test_a_report_opens_without_complaint_and_without_network(tab: Page, reports, name):
    tab.open(reports[name])
    assert tab.complaints() == []
    assert [url for url in tab.requests() if not url.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize("width", [1000, PHONE, SMALL])
def test_each_figure_is_drawn_once_at_every_width(tab: Page, reports, width):
    tab.open(reports["boarding school"], width=width)
    # The fit, three next sets, two parameters, their pair, the search, the time twice.
    assert tab.value(f"{SEEN}.length") == 1 + 3 + 2 + 1 + 1 + 2
    marks = tab.value(f"{SEEN}.map(f => f.querySelectorAll('path').length)")
    assert all(count > 8 for count in marks)
    low, high = (SMALL - 40) * 0.9, 900 if width == 1000 else width
    assert all(low <= w <= high for w in tab.value(f"{SEEN}.map(f => f.getBoundingClientRect().width)"))


@pytest.mark.parametrize("width", [PHONE, SMALL])
@pytest.mark.parametrize("name", STORIES)
def test_a_phone_needs_no_sideways_scrolling(tab: Page, reports, name, width):
    tab.open(reports[name], width=width)
    assert tab.value("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", STORIES)
def test_what_is_drawn_stays_inside_its_figure(tab: Page, reports, name):
    tab.open(reports[name])
    outside = tab.value(
        f"""{SEEN}.flatMap(f => {{
            const box = f.getBoundingClientRect();
            return [...f.querySelectorAll('path, text')].filter(p => {{
                const b = p.getBoundingClientRect();
                return b.width + b.height > 0 && (b.left < box.left - 12 || b.right > box.right + 12
                    || b.top < box.top - 4 || b.bottom > box.bottom + 4);
            }}).map(p => p.outerHTML.slice(0, 120));
        }})"""
    )
    assert outside == []


def test_tick_texts_do_not_run_into_each_other(tab: Page, reports):
    for name in STORIES:
        for width in (1000, PHONE):
            tab.open(reports[name], width=width)
            overlaps = tab.value(
                f"""{SEEN}.flatMap(f => {{
                    const t = [...f.querySelectorAll('text.tick')].map(e => [e.getBoundingClientRect(), e.textContent]);
                    return t.flatMap(([a, x], i) => t.slice(i + 1).filter(([b]) =>
                        a.left < b.right && b.left < a.right && a.top + 2 < b.bottom - 2 && b.top + 2 < a.bottom - 2
                    ).map(([, y]) => x + ' / ' + y));
                }})"""
            )
            assert overlaps == [], f"{name} at {width}"


def test_dark_and_light_differ_and_both_have_contrast(tab: Page, reports):
    def brightness(what: str) -> float:
        text = tab.value(f"getComputedStyle(document.body).{what}")
        return sum(int(part) for part in text[4:-1].split(",")) / 3

    tab.open(reports["boarding school"])
    light = brightness("backgroundColor") - brightness("color")
    tab.open(reports["boarding school"], dark=True)
    dark = brightness("color") - brightness("backgroundColor")
    assert light > 150
    assert dark > 150


def test_markup_in_names_stays_text(tab: Page, reports):
    tab.open(reports["hostile"])
    assert tab.value("document.scripts.length") == 0
    assert "<script>alert(1)</script>" in tab.value("document.body.innerText")


def test_it_prints_dark_on_white_on_a_few_pages(tab: Page, reports):
    tab.open(reports["boarding school"], dark=True)
    pdf = base64.b64decode(tab.call("Page.printToPDF", printBackground=True)["data"])
    assert pdf.startswith(b"%PDF")
    assert 1 <= len(re.findall(rb"/Type /Page\b", pdf)) <= 6
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    tab.call("Emulation.setEmulatedMedia", media="print", features=dark)
    assert tab.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.value("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    tab.call("Emulation.setEmulatedMedia", media="")


@pytest.mark.parametrize("name", ["boarding school", "groups", "hostile"])
def test_each_figure_opens_as_a_file_of_its_own(tab: Page, tmp_path, name):
    files = list(named_figures([drawing for _, drawing in drawings(STORIES[name]())]))
    assert files
    for file, text in files:
        (tmp_path / file).write_text(text, encoding="utf-8")
        tab.open(tmp_path / file)
        assert tab.complaints() == []
        assert [url for url in tab.requests() if not url.startswith(("file:", "data:"))] == []
        assert tab.value("document.documentElement.tagName") == "svg", "the browser met an error in the XML"
        cut = tab.value(
            """(() => { const box = document.documentElement.getBoundingClientRect();
            return [...document.querySelectorAll('text')].filter(t => { const b = t.getBoundingClientRect();
                return b.left < box.left - 1 || b.right > box.right + 1 || b.bottom > box.bottom + 1;
            }).map(t => t.textContent); })()"""
        )
        assert cut == [], file
