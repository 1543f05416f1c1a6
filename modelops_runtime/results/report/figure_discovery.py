"""The report's figures, found in the folder `figures`: a new file there is a new figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pkgutil import iter_modules

from modelops_runtime.results.report import figures
from modelops_runtime.results.report.figure import Drawing, Figure, FigureData, PageSection


def find_figures() -> list[Figure]:
    """All figures in the order of the page. Raises TypeError for a file of the folder without a FIGURE."""
    found = [
        (module.name, _figure_in(f"{figures.__name__}.{module.name}")) for module in iter_modules(figures.__path__)
    ]
    order = list(PageSection)
    return [
        figure for _, figure in sorted(found, key=lambda item: (order.index(item[1].section), item[1].rank, item[0]))
    ]


def _figure_in(module: str) -> Figure:
    figure = getattr(import_module(module), "FIGURE", None)
    if not isinstance(figure, Figure):
        raise TypeError(f"{module} has no FIGURE: each file of this folder holds a figure of the report as FIGURE")
    return figure


def drawings_of(data: FigureData) -> Mapping[PageSection, Sequence[tuple[Figure, Drawing]]]:
    """Every drawing of a run with its figure, by section in the order of the page; a section may be empty."""
    by_section: dict[PageSection, list[tuple[Figure, Drawing]]] = {section: [] for section in PageSection}
    for figure in find_figures():
        by_section[figure.section] += [(figure, drawing) for drawing in figure.draw(data)]
    return by_section


def all_drawings(data: FigureData) -> list[Drawing]:
    """Every drawing of a run in the order of the page."""
    return [drawing for part in drawings_of(data).values() for _, drawing in part]
