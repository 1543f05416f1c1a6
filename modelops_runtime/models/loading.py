"""Loads a model in the process that will run it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from modelops_runtime.contracts.failures import BadOutput
from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.models.callables import Program, program_of
from modelops_runtime.models.folders import activate, active_folders
from modelops_runtime.models.restartable import Restartable, Times, no_times
from modelops_runtime.models.source import CONFIG_PATH, ENTRYPOINT_PATH, ModelDescription, ModelSource

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["LoadedModel", "ModelDescription", "ModelSource", "load_model"]


class LoadedModel:
    """A loaded model that runs one simulation after another, from one thread."""

    def __init__(self, program: Program, seed_bits: int) -> None:
        from modelops_runtime.models.tables import to_tables

        self.description = program.description
        self._program = program
        self._seed_mask = 2**seed_bits - 1
        self._folders = active_folders()
        self._to_tables = to_tables

    def simulate(self, params: Mapping[str, Scalar], seed: int) -> dict[str, pa.Table]:
        """One simulation's output tables by name; a single unnamed one is `output`.

        The model gets its own dict and the lowest `seed_bits` of the seed. Raises what the model raises, and
        BadOutput for a result that is not tables.
        """
        return self._to_tables(self.run(params, seed))

    def run(self, params: Mapping[str, Scalar], seed: int) -> Any:
        """One simulation's result as the model returned it; arguments as in `simulate`. Raises what the model raises."""
        activate(self._folders)
        return self._program.run(dict(params), seed & self._seed_mask)

    def restarted(self, params: Mapping[str, Scalar], seed: int) -> tuple[Restartable, dict[str, Scalar], int]:
        """What a particle filter of the model needs, with arguments as `simulate` has them. Raises BadOutput."""
        if self._program.restartable is None:
            raise BadOutput("the model cannot be restarted: it has no start and advance", ENTRYPOINT_PATH)
        activate(self._folders)
        return self._program.restartable, dict(params), seed & self._seed_mask

    def derived(self, params: Mapping[str, Scalar]) -> dict[str, float]:
        """The quantities that the model derives from parameters (such as R0). Raises BadOutput."""
        if self._program.derive is None:
            return {}
        activate(self._folders)
        given = self._program.derive(dict(params))
        try:
            return {str(name): float(value) for name, value in given.items()}
        except (AttributeError, TypeError, ValueError) as error:
            raise BadOutput(
                f"derived(params) returned {given!r:.200}", right="it is to return numbers by name"
            ) from error


def load_model(source: ModelSource, times: Times = no_times) -> LoadedModel:
    """Import or look up the model that `source` names, in its environment.

    `times` gives those through which a model that can be restarted is advanced, once it runs.
    Raises BadOutput with the path of the wrong spec key. The environment stays set in this process.
    """
    os.environ.update(source.env)
    if source.command:
        from modelops_runtime.models.command import command_program

        if source.config:
            raise BadOutput("a command takes no config", CONFIG_PATH, right="give it as arguments, or as env")
        return LoadedModel(command_program(source.command, source.root, source.env), source.seed_bits)
    from modelops_runtime.models.importing import find
    from modelops_runtime.models.reference import parse_reference

    reference = parse_reference(source.entrypoint or "")
    found, module = find(reference, source.root)
    label = f"{reference.place}:{reference.attribute}"
    program = program_of(found, module, label, reference.scenario, source.config, source.root, times)
    return LoadedModel(program, source.seed_bits)
