"""One simulation before a run starts: does the model work, and return what the targets need?"""

from __future__ import annotations

from modelops_runtime.contracts.errors import SpecErrors, Unreachable
from modelops_runtime.contracts.failures import FailureKind
from modelops_runtime.contracts.parameters import UniqueParameterSet
from modelops_runtime.contracts.simulation import ReplicateOutcome, SimulationService
from modelops_runtime.models.frames import RIGHT as RETURN_TABLES
from modelops_runtime.models.source import COMMAND_PATH, ENTRYPOINT_PATH
from modelops_runtime.runner.setup.settings import SearchSettings
from modelops_runtime.runner.setup.spec_errors import mistake
from modelops_runtime.simulation.seeds import seeds_for
from modelops_runtime.specs.loading import LoadedSpec

ALIGNED_LIMIT = 65_536
"""Bytes of aligned values that a replicate's row may hold."""


def probe(loaded: LoadedSpec, settings: SearchSettings, service: SimulationService) -> ReplicateOutcome:
    """Run one simulation at the first guess, or in the middle of the space.

    Raises SpecErrors where the model returns no tables, or its output and a target disagree. A model that merely fails at
    these parameters is no mistake of the spec: the run will count it.
    """
    parameter_set = first_set(settings)
    seeds = seeds_for(parameter_set, [0], common=settings.common_random_numbers, run_seed=settings.seed)
    (outcome,) = service.submit_replicates(parameter_set, seeds).result()
    failure = outcome.failure
    if failure is not None and failure.kind is FailureKind.BAD_OUTPUT and failure.path:
        raise SpecErrors(*(mistake(loaded, each, _right(each.path)) for each in failure.complaints))
    return outcome


def _right(path: str) -> str:
    return RETURN_TABLES if path in (ENTRYPOINT_PATH, COMMAND_PATH) else "name what the model returns"


def check_size(loaded: LoadedSpec, outcome: ReplicateOutcome, *, large: bool) -> None:
    """Refuse aligned values that would make the ledger large, unless that was allowed."""
    size = len(outcome.aligned)
    if size > ALIGNED_LIMIT and not large:
        raise SpecErrors(
            loaded.error(
                "targets",
                f"{size // 8:,} aligned values a replicate are {size / 1024:,.0f} KB, above {ALIGNED_LIMIT // 1024} KB",
                "match fewer observations, or give --large",
            )
        )


def refuse_lost(outcome: ReplicateOutcome) -> None:
    """The infrastructure failed on the first simulation, so starting is useless."""
    if outcome.failure is not None and outcome.failure.kind is FailureKind.LOST:
        raise Unreachable(f"the first simulation was lost: {outcome.failure.message}")


def first_set(settings: SearchSettings) -> UniqueParameterSet:
    """The set to simulate before a run: the first guess, or the middle of the space."""
    searched = settings.guesses[0] if settings.guesses else settings.space.middle()
    return UniqueParameterSet.of({**settings.fixed, **searched})
