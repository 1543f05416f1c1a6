"""What the aligned values of a replicate are matched with, target after target, as a run keeps it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

Key = bool | int | float | str | None
"""A cell of a matched column; dates are ISO text."""


@dataclass(frozen=True, slots=True)
class CensoringInterval:
    """A censored observation: all that is known is that it lies from `lower` to `upper`, one of which may be infinite."""

    lower: float
    upper: float

    def __post_init__(self) -> None:
        if not self.lower <= self.upper or self.lower == math.inf or self.upper == -math.inf:
            raise ValueError(f"there is no interval from {self.lower} to {self.upper}")

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> CensoringInterval:
        """`{"lower": 0, "upper": null}`: null is without a bound. Raises KeyError, TypeError or ValueError."""
        lower, upper = stored["lower"], stored["upper"]
        return cls(-math.inf if lower is None else lower, math.inf if upper is None else upper)

    def as_json(self) -> dict[str, float | None]:
        return {name: value if math.isfinite(value) else None for name, value in self._bounds()}

    def _bounds(self) -> tuple[tuple[str, float], tuple[str, float]]:
        return ("lower", self.lower), ("upper", self.upper)


Observation = float | CensoringInterval


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetObservations:
    """One target's N observations, with what matches and weighs them."""

    keys: Mapping[str, tuple[Key, ...]]
    """Column -> its N cells."""
    dates: tuple[str, ...] | None
    """The columns that hold dates; None where the version that wrote them did not say."""
    observed: tuple[Observation, ...]
    weight: float
    loss: str
    """Its kind: the name of a loss, or a function of the user's own."""
    family: Literal["likelihood", "distance"] | None = None
    """That of the loss; None where the version that wrote it did not say."""
    min_coverage: float | None
    """None where the version that wrote it did not say."""
    left_out: int
    """Observations that were missing in the data."""
    start: int
    stop: int
    """Their place in a replicate's aligned values: stop - start is N."""
    of_loss: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """The loss's own number of each observation, by the name of its option (n, sigma), where it has one."""

    def __post_init__(self) -> None:
        count = self.stop - self.start
        whole = len(self.observed) == count and all(
            isinstance(each, int | float | CensoringInterval) for each in self.observed
        )
        columns = (*self.keys.values(), *self.of_loss.values())
        numbers = self.weight + self.left_out + self.start
        if not (whole and all(len(cells) == count for cells in columns) and math.isfinite(numbers)):
            raise ValueError("its keys, observations and places do not go together")
        for column in self.dates or ():
            for cell in self.keys.get(column, ()):
                datetime.fromisoformat(cell)  # pyright: ignore[reportArgumentType]  raises TypeError for no text

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def place(self) -> slice:
        """Within a replicate's aligned values."""
        return slice(self.start, self.stop)

    @property
    def is_censored(self) -> bool:
        """Whether an observation is an interval."""
        return any(isinstance(each, CensoringInterval) for each in self.observed)

    @property
    def numbers(self) -> list[float]:
        """What was observed, [N]; NaN for an interval, which is no number."""
        return [math.nan if isinstance(each, CensoringInterval) else each for each in self.observed]

    def has_dates(self, column: str) -> bool:
        return column in (self.dates or ())

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> TargetObservations:
        """Raises KeyError, TypeError, AttributeError or ValueError for what no version wrote."""
        if not isinstance(stored["loss"], str):
            raise TypeError("its loss is no text")
        dates = stored.get("dates")
        count = stored["stop"] - stored["start"]
        return cls(
            keys={name: _listed(cells) for name, cells in stored["keys"].items()},
            dates=None if dates is None else tuple(dates),
            observed=tuple(
                CensoringInterval.from_json(each) if isinstance(each, dict) else each for each in stored["observed"]
            ),
            weight=stored["weight"],
            loss=stored["loss"],
            family=stored.get("family"),
            min_coverage=stored.get("min_coverage"),
            left_out=stored["left_out"],
            start=stored["start"],
            stop=stored["stop"],
            of_loss={name: tuple(value) for name, value in stored.items() if _is_of_loss(name, value, count)},
        )

    def as_json(self) -> dict[str, Any]:
        """As a run's row keeps it, in this order; what is not known is left out."""
        return {
            "keys": {name: list(cells) for name, cells in self.keys.items()},
            **({} if self.dates is None else {"dates": list(self.dates)}),
            "observed": [each.as_json() if isinstance(each, CensoringInterval) else each for each in self.observed],
            "weight": self.weight,
            "loss": self.loss,
            **({} if self.family is None else {"family": self.family}),
            **({} if self.min_coverage is None else {"min_coverage": self.min_coverage}),
            "left_out": self.left_out,
            "start": self.start,
            "stop": self.stop,
            **{name: list(numbers) for name, numbers in self.of_loss.items()},
        }


OWN_NAMES = tuple(each.name for each in fields(TargetObservations) if each.name != "of_loss")
"""What is kept of a target's observations under these names, so that no option of a loss may have one of them."""


def _is_of_loss(name: str, value: Any, count: int) -> bool:
    """A number for each observation; whatever else a later version may keep is left out."""
    whole = name not in OWN_NAMES and isinstance(value, list) and len(value) == count
    return whole and all(isinstance(each, int | float) for each in value)


def _listed(cells: object) -> tuple[Key, ...]:
    if not isinstance(cells, list):
        raise TypeError("a column of its keys is no list")
    return tuple(cells)


@dataclass(frozen=True, slots=True)
class Observations:
    """Those of all targets, in the order of the aligned values; empty for a run that was recorded without them."""

    targets: Mapping[str, TargetObservations] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many values a replicate has once it is aligned."""
        return sum(map(len, self.targets.values()))

    def __iter__(self) -> Iterator[TargetObservations]:
        return iter(self.targets.values())

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Observations:
        """What `Run.observations` holds. Raises ValueError, which names the target."""
        found: dict[str, TargetObservations] = {}
        for name, part in stored.items():
            try:
                found[name] = TargetObservations.from_json(part)
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                why = f"{type(error).__name__}: {error}"
                raise ValueError(f"has a target {name!r} that cannot be read ({why})") from error
        return cls(found)

    def as_json(self) -> dict[str, Any]:
        return {name: target.as_json() for name, target in self.targets.items()}
