"""Does a spec identify what it asks for? Known parameters against what calibrations of their pseudo-data found. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.plain_json import plain
from modelops_runtime.contracts.wording import counted, fmt
from modelops_runtime.inference.intervals import Intervals

LEVEL = 0.95

TELLS = (
    "A repeat tells a parameter when its interval holds the true value and spans at most a third of the range; where there is "
    "no interval, when the value found is off by at most a sixth of the range; of choices, when it finds the true one. "
    "Identified is said only where intervals that are closed on both sides tell it."
)

FEW = 5
"""Repeats below which nothing is said."""

Verdict = Literal["identified", "weakly identified", "not identified", "no interval", "too few repeats"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """One known set, and what was found from data that were simulated with it."""

    number: int
    run_id: str
    truth: Mapping[str, Scalar]
    """Searched parameters alone."""
    found: Mapping[str, Scalar]
    """The best set's; empty when the calibration gave no answer."""
    intervals: Intervals | None = None
    derived: Mapping[str, tuple[float, float]] | None = None
    """Of the truth, and of the best set."""
    redrawn: int = 0
    """Sets before this one at which the model failed."""
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
    """Repeats that tell the parameter (TELLS says how)."""
    told_closed: int = 0
    """Of these, how many do so by an interval that is closed on both sides."""
    told_alone: int = 0
    """Of these, how many do so by the value found alone, without an interval."""
    bias: float | None = None
    """Mean of found - truth."""
    rmse: float | None = None
    rmse_share: float | None = None
    """Of the range; 0.29 is what the middle of the range would give, 0.41 a random guess."""
    correlation: float | None = None
    """Pearson's, of truth and found."""
    rank_correlation: float | None = None
    """Spearman's."""
    intervals: int = 0
    """Repeats with an interval that leaves out some of the range."""
    held: int = 0
    """Of these, how many hold the truth."""
    coverage: float | None = None
    coverage_low: float | None = None
    coverage_high: float | None = None
    """95 % interval of the coverage (Clopper and Pearson, Biometrika 26, 1934)."""
    open: int = 0
    """Repeats in which any value of the range fits about as well, the true one among them."""
    none: int = 0
    """Repeats without any interval, and the commonest reason."""
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
            return f"{self.name}: {counted(self.repeats, 'repeat')} with an answer tell nothing; {FEW} are needed."
        if self.verdict == "no interval":
            why = f" (most often: {self.reason})" if self.reason else ""
            none = f"no interval could be computed in any of {counted(self.repeats, 'repeat')}{why}"
            return f"{self.name}: {none}, so whether it is identified is not known.{self._beyond}"
        text = f"{self.name} is {self.verdict}: {self._follows}{self.told} of {self.repeats} repeats tell it"
        text += f", {self.told_alone} of them by the value found alone." if self.told_alone else "."
        if self.too_narrow:
            held = f"{self.held} of {self.intervals} hold the true value, where {LEVEL:.0%} should"
            text += f" Its intervals are too narrow: {held}."
        if self.open:
            text += f" In {self.open}, any value of the range fitted about as well."
        if self.none:
            text += f" In {self.none}, no interval could be computed; most often: {self.reason}."
        return text + self._beyond

    @property
    def _beyond(self) -> str:
        """That true values lie where no search can find them, if any do."""
        if not self.outside:
            return ""
        within = f"[{fmt(self.low)}, {fmt(self.high)}]"
        return f" In {self.outside}, the true value lies outside the searched range {within}: no search can find it."

    @property
    def _follows(self) -> str:
        if self.verdict != "weakly identified" or self.rank_correlation is None:
            return ""
        return f"the values found go along with the true ones (rank correlation {self.rank_correlation:.2f}), and "


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """What the data fixed only together, in how many repeats."""

    names: tuple[str, ...]
    fixed: str
    """The commonest combination; empty for more than two parameters."""
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
    """Repeats that were asked for; fewer are there when it was interrupted."""
    trials: int
    replicates: int
    seed: int
    noise: Mapping[str, str]
    """Target -> where its pseudo-data's noise came from."""
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
