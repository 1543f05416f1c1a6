"""The service that runs simulations, wherever they run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from modelops_runtime.contracts.failures import Failure
from modelops_runtime.contracts.parameters import Scalar, UniqueParameterSet

Tables = dict[str, bytes]
"""Output tables by name, each an Arrow IPC stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicateOutcome:
    """What one simulation gave: aligned values, or a failure."""

    index: int
    seed: int
    seconds: float
    """Wall time of the simulation with its alignment, on the worker."""
    aligned: bytes = b""
    """float64, little-endian, one value an observation, targets one after another in the order of the aligner."""
    digest: str = ""
    """BLAKE2b-128 (hex) of the output tables: the same seed must give the same digest."""
    log: str = ""
    """The last LOG_LIMIT bytes of what the simulation printed, with the traceback of a failure."""
    failure: Failure | None = None
    tables: Tables | None = None
    """The output tables themselves, where the service was made with `keep_tables`."""


class SimulationService(Protocol):
    """Runs simulations isolated from us and from each other, `slots` at a time. Its methods may be called from one thread.

    A future never raises for what a model does: `submit_replicates` returns failures as values, `submit` raises
    SimulationError. Cancelling a future that runs stops its simulations. Work lost with a worker comes back as LOST.
    """

    @property
    def slots(self) -> int:
        """The current number of simulations that can run in parallel (it may change on a cluster)."""
        ...

    def submit(self, fn_ref: str, params: Mapping[str, Scalar], seed: int, *, bundle_ref: str = "") -> Future[Tables]:
        """One simulation of `fn_ref` (an entry point as in a spec); `bundle_ref` names where its code lives."""
        ...

    def gather(self, futures: Iterable[Future[Tables]]) -> list[Tables]:
        """All results, in the order of `futures`. Raises the first SimulationError."""
        ...

    def as_completed(self, futures: Iterable[Future[Tables]]) -> Iterator[Future[Tables]]:
        """The futures in the order in which they finish."""
        ...

    def submit_replicates(
        self, parameter_set: UniqueParameterSet, seeds: Mapping[int, int]
    ) -> Future[Sequence[ReplicateOutcome]]:
        """One task: the replicates {index: seed} of a set, one after another, each aligned; one that fails, fails alone."""
        ...

    def close(self, *, now: bool = False) -> None:
        """End all worker processes and their children; with `now`, without waiting for running tasks."""
        ...
