"""What the loop needs to know of a spec, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.space import ParameterSpace

LEASE_S = 120.0
"""Seconds a lease lasts unless renewed; it is renewed at a quarter of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRules:
    """When to stop before the budget is used, whichever comes first; None: never."""

    time_s: float | None = None
    plateau: int | None = None
    """Finished trials in a row without a better best."""
    loss: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """How a run is searched."""

    space: ParameterSpace
    fixed: Mapping[str, Scalar]
    guesses: tuple[Mapping[str, Scalar], ...]
    """Searched parameters of the first trials."""
    replicates: int
    """Of each set; the most that one gets, where `least_replicates` is given."""
    seed: int
    common_random_numbers: bool
    racing_after: int | None
    """Replicates after which a clearly worse set stops; None: racing is off."""
    confirm_top: int | None
    """None: as many as the number of trials asks for."""
    confirm_replicates: int
    max_failed: float
    tolerated_failures: float = 0.0
    """The share of a set's replicates that may fail and count as a likelihood of 0."""
    on_failure: Literal["worst", "ignore"]
    stop: StopRules
    lag: int
    """0: as results come. N: proposal k sees exactly the results up to k - N."""
    least_replicates: int | None = None
    """None: each set gets `replicates`. Otherwise each gets its own number, from this one up (`rules.replicates_for`)."""

    @property
    def all_must_run(self) -> int:
        """Replicates that must all run for any trial to complete; 1 where there is no such number."""
        return 1 if self.tolerated_failures or self.least_replicates is not None else self.replicates

    def rungs(self, *, raced: bool, wanted: int | None = None) -> tuple[int, ...]:
        """Replicate counts at which a search trial is judged: after the first few if it is raced, and at the end.

        `wanted`: of this trial alone.
        """
        last = self.replicates if wanted is None else wanted
        if raced and self.racing_after is not None and self.racing_after < last:
            return (self.racing_after, last)
        return (last,)

    def place_of(self, values: Mapping[str, Scalar]) -> tuple[float, ...]:
        """Where a set lies in the unit cube of the searched parameters."""
        return tuple(parameter.to_unit(values[parameter.name]) for parameter in self.space.parameters)


def tolerated_of(replicates: int, share: float) -> int:
    """How many of a set's replicates may fail: rounded down, but for rounding errors (0.2 of 15 is 3)."""
    return int(share * replicates + 1e-9)
