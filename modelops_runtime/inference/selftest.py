"""Does a spec identify its parameters? Compares known parameters with those found by calibrations of their pseudo-data. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.plain_json import plain
from modelops_runtime.contracts.wording import counted, fmt
from modelops_runtime.inference.intervals import Intervals

LEVEL = 0.95

RECOVERED = (
    "A repeat recovers a parameter if its interval contains the true value and spans at most a third of the range; without an "
    "interval, if the value found is off by at most a sixth of the range; for choices, if it finds the true one. A parameter "
    "is called identified only if intervals that are closed on both sides recover it."
)

FEW = 5
"""Fewest repeats for a verdict."""

Verdict = Literal["identified", "weakly identified", "not identified", "no interval", "too few repeats"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """One known set, and the result of calibrating data that were simulated with it."""

    number: int
    run_id: str
    truth: Mapping[str, Scalar]
    """Searched parameters only."""
    found: Mapping[str, Scalar]
    """The parameters of the best set; empty if the calibration gave no answer."""
    intervals: Intervals | None = None
    derived: Mapping[str, tuple[float, float]] | None = None
    """Name -> the value for the true set, and for the best set."""
    redrawn: int = 0
    """How many sets were drawn before this one because the model failed."""
    reason: str = ""
    """Why there is no answer."""

    def as_json(self) -> dict[str, Any]:
        given = {"number": self.number, "run_id": self.run_id, "truth": dict(self.truth), "found": dict(self.found)}
        more = {"intervals": self.intervals.as_json() if self.intervals else None, "derived": self.derived}
        return plain(given | more | {"redrawn": self.redrawn, "reason": self.reason})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """One parameter over all repeats that gave an answer. Numbers are on its own scale: natural logarithms for log."""

    name: str
    scale: str
    repeats: int
    verdict: Verdict
    told: int
    """Repeats that recover the parameter (see RECOVERED); the name is that of the key in selftest.json."""
    told_closed: int = 0
    """Of these, how many do so by an interval that is closed on both sides."""
    told_alone: int = 0
    """Of these, how many do so only by the value found, without an interval."""
    bias: float | None = None
    """Mean of found - truth."""
    rmse: float | None = None
    rmse_share: float | None = None
    """The RMSE as a share of the range; the middle of the range would give 0.29, a random guess 0.41."""
    correlation: float | None = None
    """Pearson's correlation of true and found values."""
    rank_correlation: float | None = None
    """Spearman's correlation."""
    intervals: int = 0
    """Repeats with an interval that leaves out some of the range."""
    held: int = 0
    """Of these, how many contain the true value."""
    coverage: float | None = None
    coverage_low: float | None = None
    coverage_high: float | None = None
    """95 % interval of the coverage (Clopper and Pearson, Biometrika 26, 1934)."""
    open: int = 0
    """Repeats in which any value of the range fits about as well, the true one among them."""
    none: int = 0
    """Repeats without any interval, and the most frequent reason."""
    reason: str = ""
    outside: int = 0
    """Repeats whose true value lies outside the searched range, which is `low` to `high`."""
    low: float | None = None
    high: float | None = None
    width: float | None = None
    """Median share of the range that the intervals span; 1 where there is none."""

    @property
    def too_narrow(self) -> bool:
        """Whether the coverage lies below LEVEL by more than chance."""
        return self.coverage_high is not None and self.coverage_high < LEVEL

    @property
    def says(self) -> str:
        """The verdict in plain words."""
        if self.verdict == "too few repeats":
            return f"{self.name}: {counted(self.repeats, 'repeat')} with an answer are too few; {FEW} are needed."
        if self.verdict == "no interval":
            why = f" (most often: {self.reason})" if self.reason else ""
            none = f"no interval could be computed in any of {counted(self.repeats, 'repeat')}{why}"
            return f"{self.name}: {none}, so whether it is identified is not known.{self._beyond}"
        text = f"{self.name} is {self.verdict}: {self._follows}{self.told} of {self.repeats} repeats recover it"
        text += f", {self.told_alone} of them only by the value found." if self.told_alone else "."
        if self.too_narrow:
            held = f"{self.held} of {self.intervals} contain the true value, where {LEVEL:.0%} should"
            text += f" Its intervals are too narrow: {held}."
        if self.open:
            text += f" In {self.open}, any value of the range fitted about as well."
        if self.none:
            text += f" In {self.none}, no interval could be computed; most often: {self.reason}."
        return text + self._beyond

    @property
    def _beyond(self) -> str:
        """A sentence on true values outside the searched range, if there are any."""
        if not self.outside:
            return ""
        within = f"[{fmt(self.low)}, {fmt(self.high)}]"
        return f" In {self.outside}, the true value lies outside the searched range {within}: no search can find it."

    @property
    def _follows(self) -> str:
        if self.verdict != "weakly identified" or self.rank_correlation is None:
            return ""
        return f"the values found follow the true ones (rank correlation {self.rank_correlation:.2f}), and "


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """What the data fixed only together, in how many repeats."""

    names: tuple[str, ...]
    fixed: str
    """The most frequent combination; empty for more than two parameters."""
    repeats: int

    @property
    def says(self) -> str:
        *some, last = self.names
        those = f"{', '.join(some)} and {last}"
        fixed = (
            f"the data fixed {self.fixed} rather than {those} apart"
            if self.fixed
            else f"{those} made up for each other"
        )
        return f"In {counted(self.repeats, 'repeat')}, {fixed}."


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """What a spec's self-test found."""

    name: str
    repeats: tuple[Repeat, ...]
    parameters: tuple[Recovery, ...]
    together: tuple[Together, ...]
    asked: int
    """The requested number of repeats; an interrupted self-test has fewer."""
    trials: int
    replicates: int
    seed: int
    noise: Mapping[str, str]
    """Target -> the source of the noise of its pseudo-data."""
    elapsed_s: float = 0.0

    @property
    def interrupted(self) -> bool:
        return len(self.repeats) < self.asked

    def as_json(self) -> dict[str, Any]:
        summary = {k: v for k, v in asdict(self).items() if k not in ("repeats", "parameters", "together")}
        return plain(
            summary
            | {
                "parameters": [asdict(p) | {"says": p.says, "too_narrow": p.too_narrow} for p in self.parameters],
                "together": [asdict(t) | {"says": t.says} for t in self.together],
                "repeats": [repeat.as_json() for repeat in self.repeats],
            }
        )
