"""A search over `burner.simulate`, and what a contestant made of it. Standard library only: Ray's Python imports it too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from tests.bench import burner

SLOTS = 2
REPLICATES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """`trials` parameter sets of REPLICATES simulations each."""

    seconds: float
    """Processor time of a simulation."""
    trials: int
    slow_one_in: int = 0
    """One simulation in so many takes ten times as long; 0: none does."""

    @property
    def fixed(self) -> dict[str, float]:
        return {"seconds": self.seconds, "slow_one_in": self.slow_one_in}

    def params(self, x: float, y: float) -> dict[str, float]:
        return {"x": x, "y": y, **self.fixed}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was simulated, and how long it took with SLOTS slots."""

    simulations: int
    simulated_s: float
    """Processor time that the simulations ask for."""
    wall_s: float

    @property
    def busy(self) -> float:
        """Share of the slots' time that went into simulations."""
        return self.simulated_s / (SLOTS * self.wall_s)


def seeds_of(params: dict[str, Any]) -> list[int]:
    """REPLICATES seeds that belong to these parameters alone."""
    text = repr(sorted(params.items()))
    digests = (blake2b(f"{text}:{i}".encode(), digest_size=8).digest() for i in range(REPLICATES))
    return [int.from_bytes(digest, "little") for digest in digests]


def simulate_once(params: dict[str, Any], seed: int) -> tuple[float, float]:
    """The squared distance from the data (0 at time 0), and the seconds that were asked for."""
    return burner.simulate(params, seed)["value"][0] ** 2, burner.cost_s(params, seed)


def simulate_trial(params: dict[str, Any]) -> tuple[float, float]:
    """All replicates, one after the other: the mean loss, and the seconds that were asked for."""
    return summed(simulate_once(params, seed) for seed in seeds_of(params))


def summed(done: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """(mean loss, sum of seconds) of the replicates of a trial."""
    losses, seconds = zip(*done, strict=True)
    return sum(losses) / len(losses), sum(seconds)
