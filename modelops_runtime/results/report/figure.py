"""What a figure of the report is: where it stands, how it is drawn, and what it draws for one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from modelops_runtime.inference.intervals import Intervals
from modelops_runtime.inference.predictive_checks import PredictiveChecks
from modelops_runtime.inference.run_data import RunData
from modelops_runtime.ledger.base import Trial


class PageSection(StrEnum):
    """A section of the page for figures, in the order of the page."""

    FIT = "fit"
    """After the best parameters."""
    PARAMETERS = "parameters"
    """After what the data fix, and what they do not."""
    SEARCH = "search"
    """Before the finalists."""
    TIME = "time"
    """After the failures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureData:
    """What a figure may draw: a run's rows, and the intervals that follow from them."""

    run_data: RunData
    intervals: Intervals
    checks: PredictiveChecks | None = None
    """Of the best set; None without one."""

    @property
    def best(self) -> Trial | None:
        """The search trial of the best set; None while no trial has completed."""
        return next((candidate.search for candidate in self.run_data.ranked), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One small plot of several."""

    title: str
    svg: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One drawing, or several small ones, with one sentence that says what it shows for this run."""

    title: str
    says: str
    wide: str = ""
    narrow: str = ""
    panels: tuple[Panel, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()
    """(class of the mark, what it is)."""
    note: str = ""
    """How it was drawn, where a reader should know."""
    name: str
    """How the name of its own SVG file begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A kind of figure: the page and the files of `--figures` show what it draws for a run."""

    kind: str
    """The class of its sections on the page."""
    section: PageSection
    rank: int
    """Its order among the figures of the same section, the lowest first."""
    draw: Callable[[FigureData], Sequence[Drawing]]
    """Its drawings for a run, in the order of the page; none where it has nothing to show."""
    css: str = ""
    """Rules for marks that this figure alone has, one a line (`svg .NAME { ... }`); colours are the variables of page.css."""
