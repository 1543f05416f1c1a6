"""What a run of a spec would be: is the spec sound, does its model run, how long will it take?"""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from pathlib import Path

from modelops_runtime.api.opening import Ready, ready
from modelops_runtime.contracts.parameters import Scalar, UniqueParameterSet
from modelops_runtime.contracts.simulation import ReplicateOutcome
from modelops_runtime.evaluation.fit import stack
from modelops_runtime.evaluation.losses import LossError
from modelops_runtime.runner import rules
from modelops_runtime.runner.preflight import first_set, probe, refuse_lost
from modelops_runtime.runner.repeating import RepeatCheck
from modelops_runtime.simulation.seeds import seeds_for

SIMULATIONS = 5
"""Simulations that are timed."""

ROW_BYTES = 350
"""What a replicate takes in the ledger beside its aligned values, about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What one parameter set's simulations show."""

    params: dict[str, Scalar]
    loss: float | None
    """Of these simulations; None when one failed."""
    failures: list[str]
    warnings: list[str]
    """A model that does not repeat itself, or that the seed does not reach."""
    seconds: float
    """Of one simulation, the median."""
    observations: int
    slots: int
    simulations: int
    """Of the run at the most, its confirmation included; racing makes them fewer."""
    run_seconds: float
    """How long these take on `slots` slots."""
    ledger_bytes: int
    """How large the ledger grows, about."""

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def check(spec: Path, *, slots: int) -> Checked:
    """Validate a spec and run its model a few times at the first guess, or in the middle of the space. Writes nothing.

    Raises SpecErrors.
    """
    with ready(spec, slots=slots) as made:
        first = probe(made.loaded, made.prepared.settings, made.service)
        refuse_lost(first)
        params = first_set(made.prepared.settings)
        more = _more(made, params)
        warning = RepeatCheck(made.prepared.settings, made.service, first).warning() if first.failure is None else ""
        return _summed_up(made, params, [first, *more], [warning] if warning else [], slots)


def _more(made: Ready, params: UniqueParameterSet) -> list[ReplicateOutcome]:
    settings = made.prepared.settings
    seeds = seeds_for(params, range(1, SIMULATIONS), common=settings.common_random_numbers, run_seed=settings.seed)
    return list(made.service.submit_replicates(params, seeds).result())


def _summed_up(
    made: Ready, params: UniqueParameterSet, outcomes: list[ReplicateOutcome], warnings: list[str], slots: int
) -> Checked:
    settings, trials = made.prepared.settings, made.loaded.spec.search.trials
    failures = [f"{o.failure.kind}: {o.failure.message}" for o in outcomes if o.failure is not None]
    seconds = statistics.median(outcome.seconds for outcome in outcomes[1:])  # the first one imports
    finalists = rules.default_top(trials) if settings.confirm_top is None else settings.confirm_top
    simulations = trials * settings.replicates + finalists * settings.confirm_replicates
    width = made.prepared.plan.aligner.size
    return Checked(
        params=dict(params.params),
        loss=None if failures else _loss(made, outcomes),
        failures=failures,
        warnings=warnings,
        seconds=seconds,
        observations=width,
        slots=slots,
        simulations=simulations,
        run_seconds=simulations * seconds / slots,
        ledger_bytes=simulations * (8 * width + ROW_BYTES),
    )


def _loss(made: Ready, outcomes: list[ReplicateOutcome]) -> float | None:
    try:
        return made.prepared.plan.scorer.score(stack([outcome.aligned for outcome in outcomes])).loss
    except LossError:
        return None
