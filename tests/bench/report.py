"""What a benchmark gives back, and how it is shown."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under `columns`; the first column is what a row is about."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.columns))]
        return "\n".join("  " + _line(line, widths) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]).rstrip()


@dataclass(frozen=True, slots=True)
class Target:
    """A figure and what it should be; `value` None: it could not be had."""

    what: str
    value: float | None
    bound: Literal["at least", "at most"]
    limit: float

    @property
    def met(self) -> bool:
        if self.value is None:
            return False
        return self.value >= self.limit if self.bound == "at least" else self.value <= self.limit

    def __str__(self) -> str:
        said = "not measured" if self.value is None else f"{self.value:.3g}"
        verdict = "ok" if self.met else "" if self.value is None else "short"
        return f"  {self.what}: {said} ({self.bound} {self.limit:g}) {verdict}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One benchmark's result."""

    title: str
    tables: Sequence[Table] = ()
    targets: Sequence[Target] = ()
    notes: Sequence[str] = ()
    figures: Mapping[str, object] = field(default_factory=dict)
    """All that was measured, as plain values for --json."""

    def __str__(self) -> str:
        parts = [f"== {self.title}", *map(str, self.tables), *(f"  {note}" for note in self.notes)]
        return "\n".join([*parts, *map(str, self.targets), ""])

    def as_json(self) -> dict[str, object]:
        targets = [{**asdict(target), "met": target.met} for target in self.targets]
        return {"title": self.title, "figures": dict(self.figures), "targets": targets, "notes": list(self.notes)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a benchmark is to run."""

    full: bool
    ray_python: str | None = None
    """A Python that can import ray and optuna; None: this one, if it can."""


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of `values` do not exceed (the nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def ratio(figure: float | None, peer: float | None) -> float | None:
    return None if figure is None or not peer else figure / peer


def number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:,.{digits}g}" if abs(value) < 1000 else f"{value:,.0f}"
