"""A search over a model of this folder, and what a contestant made of it. Standard library only: Ray's Python imports it too."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

SLOTS = 2
REPLICATES = 10
BURNER = "burner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """`trials` parameter sets of REPLICATES simulations each."""

    seconds: float
    """Processor time of a simulation."""
    trials: int
    slow_one_in: int = 0
    """One simulation in so many takes ten times as long; 0: none does."""
    model: str = BURNER
    """A module of this folder with `simulate(params, seed)`, `cost_s(params, seed)` and `loss(output)`."""

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
    processor_s: float | None = None
    """Processor time of all processes meanwhile, where it was taken."""

    @property
    def busy(self) -> float:
        """Share of the slots' time that went into simulations."""
        return self.simulated_s / (SLOTS * self.wall_s)

    @property
    def per_s(self) -> float:
        """Simulations a second."""
        return self.simulations / self.wall_s


def seeds_of(params: dict[str, Any]) -> list[int]:
    """REPLICATES seeds that belong to these parameters alone."""
    text = repr(sorted(params.items()))
    digests = (blake2b(f"{text}:{i}".encode(), digest_size=8).digest() for i in range(REPLICATES))
    return [int.from_bytes(digest, "little") for digest in digests]


def model_of(name: str) -> Any:
    """The module of this folder."""
    return importlib.import_module(f"tests.bench.{name}")


def simulate_once(params: dict[str, Any], seed: int, model: str = BURNER) -> tuple[float, float]:
    """The loss of one simulation, and the seconds that were asked for."""
    module = model_of(model)
    return module.loss(module.simulate(params, seed)), module.cost_s(params, seed)


def simulate_trial(params: dict[str, Any], model: str = BURNER) -> tuple[float, float]:
    """All replicates, one after the other: the mean loss, and the seconds that were asked for."""
    return summed(simulate_once(params, seed, model) for seed in seeds_of(params))


def summed(done: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """(mean loss, sum of seconds) of the replicates of a trial."""
    losses, seconds = zip(*done, strict=True)
    return sum(losses) / len(losses), sum(seconds)
