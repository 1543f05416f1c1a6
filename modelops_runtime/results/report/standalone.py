"""Each figure as an SVG file, for a paper: with its styles, light colours, a white ground and the legend below."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from modelops_runtime.contracts.plain_text import plain_text
from modelops_runtime.inference.loss_family import intervals_of
from modelops_runtime.inference.predictive_checks import predictive_checks
from modelops_runtime.inference.run_data import gather
from modelops_runtime.ledger.base import Ledger
from modelops_runtime.results.atomic_files import written_together
from modelops_runtime.results.report.figure import Drawing, FigureData
from modelops_runtime.results.report.figure_discovery import all_drawings
from modelops_runtime.results.report.plot.svg import at, key, text
from modelops_runtime.results.report.style import light_style

LEGEND_ROW = 18.0

LETTER = 6.1
"""About how many pixels a letter of the legend is wide."""

_VIEW = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


def write_figures(ledger: Ledger, run_id: str, folder: Path) -> list[Path]:
    """Write each figure of a run into `folder` (created if it is missing), all or none; returns the paths.

    Raises LedgerError when there is no such run.
    """
    run_data = gather(ledger, run_id)
    found = intervals_of(run_data.run, run_data.trials)
    data = FigureData(run_data=run_data, intervals=found, checks=predictive_checks(run_data))
    drawn = list(named_figures(all_drawings(data)))
    with written_together(folder, [name for name, _ in drawn]) as paths:
        for path, (_, svg) in zip(paths, drawn, strict=True):
            path.write_text(svg, encoding="utf-8")
    return [folder / name for name, _ in drawn]


def named_figures(drawings: Sequence[Drawing]) -> Iterator[tuple[str, str]]:
    """(file name, SVG) of each drawing, or of each of its panels; no two names are equal, even if case is ignored."""
    taken: set[str] = set()
    for drawing in drawings:
        pieces = [(panel.title, panel.svg) for panel in drawing.panels] or [("", drawing.wide)]
        for title, svg in pieces:
            stem = (
                re.sub(r"[^\w.]+", "-", f"{drawing.name} {title}".strip(), flags=re.ASCII).strip("-.")[:80] or "figure"
            )
            name, again = stem, 2
            while name.lower() in taken:
                name, again = f"{stem}-{again}", again + 1
            taken.add(name.lower())
            yield f"{name}.svg", standalone(svg, drawing, title)


def standalone(svg: str, drawing: Drawing, panel: str = "") -> str:
    """A picture of the page as a complete SVG file."""
    found = _VIEW.search(svg)
    assert found is not None
    width, height = float(found[1]), float(found[2])
    inner = svg[svg.index(">") + 1 : svg.rindex("</svg>")]
    legend, rows = _legend(drawing.legend, width, height)
    height += LEGEND_ROW * rows + (6 if rows else 0)
    title = f"{drawing.title}: {panel}" if panel else drawing.title
    told = f"{drawing.says} {drawing.note}".strip()
    whole = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {at(width)} {at(height)}" width="{at(width)}"'
        f' height="{at(height)}" font-family="Helvetica, Arial, sans-serif">'
        f"<title>{escape(title)}</title><desc>{escape(told)}</desc><style>{light_style()}</style>"
        f'<rect width="{at(width)}" height="{at(height)}" fill="#ffffff"/>{inner}{legend}</svg>\n'
    )
    return plain_text(whole)


def _legend(items: Sequence[tuple[str, str]], width: float, top: float) -> tuple[str, int]:
    """(the legend as SVG, how many rows it takes)."""
    parts: list[str] = []
    x, row = 10.0, 0
    for css, words in items:
        wide = 28 + LETTER * len(words) + 14
        if x > 10 and x + wide > width:
            x, row = 10.0, row + 1
        y = top + LEGEND_ROW * row + 4
        parts.append(f'<g transform="translate({at(x)} {at(y)})">{key(css)}</g>{text(x + 28, y + 10, words, "tick")}')
        x += wide
    return "".join(parts), row + 1 if items else 0
