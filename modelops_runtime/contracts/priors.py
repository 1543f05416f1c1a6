"""What is believed of a parameter before the data are seen. The numbers of it (density, draws) are in `statistics.priors`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NUMBERS: Mapping[str, tuple[str, ...]] = {
    "normal": ("mean", "sd"),
    "lognormal": ("median", "sdlog"),
    "beta": ("a", "b"),
    "gamma": ("shape", "rate"),
    "exponential": ("rate",),
}
"""Each kind of prior beside the uniform one, and its numbers, all above 0 but the mean of a normal one."""


@dataclass(frozen=True, slots=True)
class Prior:
    """A distribution of the parameter's own value, whatever its scale, truncated to its range.

    A parameter without one is uniform on its scale.
    """

    kind: str
    numbers: tuple[float, ...]
    """In the order of `NUMBERS[kind]`."""

    def __post_init__(self) -> None:
        names = NUMBERS.get(self.kind)
        if names is None or len(names) != len(self.numbers):
            raise ValueError(f"there is no prior {self.kind} of {len(self.numbers)} numbers")
        for name, number in zip(names, self.numbers, strict=True):
            if not math.isfinite(number) or (number <= 0 and name != "mean"):
                raise ValueError(f"{name} of the {self.kind} prior is {number}")

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Prior:
        """`{"kind": "normal", "mean": 2, "sd": 0.5}`. Raises KeyError, TypeError or ValueError."""
        return cls(stored["kind"], tuple(float(stored[name]) for name in NUMBERS[stored["kind"]]))

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **dict(zip(NUMBERS[self.kind], self.numbers, strict=True))}

    def __str__(self) -> str:
        """`normal (mean 2, sd 0.5)`."""
        named = zip(NUMBERS[self.kind], self.numbers, strict=True)
        return f"{self.kind} ({', '.join(f'{name} {number:g}' for name, number in named)})"
