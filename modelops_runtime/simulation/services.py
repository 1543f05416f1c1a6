"""What the runner asks of a simulation service beyond the public Protocol: questions to the model itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.simulation import SimulationService
from modelops_runtime.models.loading import ModelDescription


class ReplicateService(SimulationService, Protocol):
    """A service made for one model and its targets. Both questions are answered in an isolated process."""

    def describe(self) -> ModelDescription:
        """Load the model. Raises SimulationError; its failure has the path of the spec's key where the model is named."""
        ...

    def derive(self, params: Mapping[str, Scalar]) -> dict[str, float]:
        """Quantities that the model derives from its parameters (R0, say); empty when it has none to tell."""
        ...
