"""The CSS of the page and its figures: shared rules from the templates, and those of each figure."""

from __future__ import annotations

import re
from pathlib import Path

from modelops_runtime.results.report.figure_discovery import find_figures

TEMPLATES = Path(__file__).parent / "templates"


def page_style() -> str:
    """All rules of the page."""
    return f"{_page_css()}\n{marks_style()}"


def marks_style() -> str:
    """The rules for what is drawn; their colours are variables."""
    marks = (TEMPLATES / "marks.css").read_text(encoding="utf-8")
    return marks + "".join(f"{figure.css.strip()}\n" for figure in find_figures() if figure.css)


def light_style() -> str:
    """The rules for what is drawn, with the light colours instead of variables: not every program knows CSS variables."""
    css = _page_css()
    colours = dict(re.findall(r"--([\w-]+): ([^;]+);", css[: css.index("@media")]))
    rules = [rule for rule in marks_style().splitlines() if rule.strip() and not rule.startswith("svg.figure")]
    resolved = re.sub(r"var\(--([\w-]+)\)", lambda found: colours[found[1]], "".join(rules))
    return resolved.replace(" font-family: inherit;", "")


def _page_css() -> str:
    return (TEMPLATES / "page.css").read_text(encoding="utf-8")
