"""What the runner needs of a simulation service beyond the public Protocol: questions to the model itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Protocol

from modelops_runtime.contracts.parameters import Scalar, UniqueParameterSet
from modelops_runtime.contracts.simulation import ReplicateOutcome, SimulationService
from modelops_runtime.models.loading import ModelDescription


class ReplicateService(SimulationService, Protocol):
    """A service made for one model and its targets. Its questions are answered in isolated processes."""

    def submit_in_turn(self, calls: Sequence[tuple[UniqueParameterSet, int]]) -> Future[Sequence[ReplicateOutcome]]:
        """Simulations (set, seed), one after another in one process that has run nothing before; `index` is the place."""
        ...

    def describe(self) -> ModelDescription:
        """Load the model. Raises SimulationError; its failure has the path of the spec's key where the model is named."""
        ...

    def derive(self, params: Mapping[str, Scalar]) -> dict[str, float]:
        """Quantities that the model derives from its parameters (such as R0); empty if it derives none."""
        ...
