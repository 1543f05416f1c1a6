"""Check a spec before a run: is it correct, does its model run, and how long will the run take?"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from modelops_runtime.algorithms.designs import lhs_points
from modelops_runtime.api.opening import Ready, ready
from modelops_runtime.contracts.parameters import Scalar, UniqueParameterSet
from modelops_runtime.contracts.simulation import ReplicateOutcome
from modelops_runtime.contracts.wording import fmt
from modelops_runtime.evaluation.fit import stack
from modelops_runtime.evaluation.support import expected_effective
from modelops_runtime.losses.loss import LossError
from modelops_runtime.runner import rules
from modelops_runtime.runner.setup.preflight import first_set, probe, refuse_lost
from modelops_runtime.runner.setup.repeating import RepeatCheck
from modelops_runtime.runner.setup.settings import tolerated_of
from modelops_runtime.simulation.grouping import group_size
from modelops_runtime.simulation.seeds import seeds_for
from modelops_runtime.statistics.effective_sample_size import LEAST, in_words, is_too_small, what_to_do

SIMULATIONS = 5
"""How many simulations are timed."""

WEIGHED = 20
"""The least number of simulations from which the effective sample size of a likelihood is predicted."""

WEIGHING_S = 3.0
"""Seconds for more of these simulations, up to the number of confirmation replicates."""

PATIENCE_S = 60.0
"""Seconds that the least number of them may take."""

POINTS = 8
"""Other sets, spread over the space, at which the model is tried once."""

POINTS_S = 20.0
"""Seconds that these may take; with a slower model there are fewer, and at least two."""

ROW_BYTES = 350
"""About how many bytes a replicate takes in the ledger, without its aligned values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the simulations of one parameter set show."""

    params: dict[str, Scalar]
    loss: float | None
    """Of these simulations; None when one failed."""
    failures: list[str]
    seconds: float
    """Of one simulation, the median."""
    observations: int
    slots: int
    simulations: int
    """The largest number of simulations of the run, with its confirmation; racing reduces it."""
    run_seconds: float
    """How long they take on `slots` slots."""
    ledger_bytes: int
    """About how large the ledger grows."""
    effective_sample_size: float | None = None
    """About how many confirmation replicates of a finalist will count in a likelihood; None if that was not predicted."""
    warnings: tuple[str, ...] = ()
    """What is likely to go wrong although the run can start: a model that does not repeat or ignores the seed, a likelihood in
    which too few replicates will count, a model that fails at other points of the space."""
    points: int = 0
    """Other points of the space at which the model was tried once."""
    failed_points: int = 0

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def check(spec: Path, *, slots: int) -> Checked:
    """Validate a spec and run its model a few times at the first guess, or in the middle of the space. Writes nothing.

    For likelihoods it runs more simulations, to predict whether there will be errors and intervals. Raises SpecErrors.
    """
    with ready(spec, slots=slots) as made:
        first = probe(made.loaded, made.prepared.settings, made.service)
        refuse_lost(first)
        params = first_set(made.prepared.settings)
        outcomes = [first, *_more(made, params, range(1, SIMULATIONS), at_once=SIMULATIONS)]
        warning = RepeatCheck(made.prepared.settings, made.service, first).warning() if first.failure is None else ""
        found = _summed_up(made, params, outcomes, (warning,) if warning else (), slots)
        found = _tried_elsewhere(found, made)
        scorer = made.prepared.plan.scorer
        if found.failures or not scorer.is_likelihood or scorer.of_filter:
            return found
        return _weighed(found, made, params, outcomes)


def _tried_elsewhere(found: Checked, made: Ready) -> Checked:
    """`found` with a warning if the model fails at other points of the space, a Latin hypercube."""
    settings = made.prepared.settings
    count = max(2, min(POINTS, int(POINTS_S * found.slots / max(found.seconds, 1e-6))))
    point = lhs_points(len(settings.space.parameters), count, settings.seed)
    sets = [
        UniqueParameterSet.of({**settings.fixed, **settings.space.at(point(number)).params}) for number in range(count)
    ]
    common, seed = settings.common_random_numbers, settings.seed
    futures = [
        made.service.submit_replicates(each, seeds_for(each, [0], common=common, run_seed=seed)) for each in sets
    ]
    outcomes = [future.result()[0] for future in futures]
    failed = [(each, o.failure) for each, o in zip(sets, outcomes, strict=True) if o.failure is not None]
    found = replace(found, points=count, failed_points=len(failed))
    if not failed:
        return found
    params, failure = failed[0]
    searched = {parameter.name for parameter in settings.space.parameters}
    where = ", ".join(f"{name} {fmt(value)}" for name, value in params.params.items() if name in searched)
    why = f"{failure.kind}: {failure.message}"
    text = f"the model fails at {len(failed)} of {count} other points of the space, first at {where}: {why}"
    return replace(found, warnings=(*found.warnings, text))


def _more(made: Ready, params: UniqueParameterSet, indices: range, *, at_once: int) -> list[ReplicateOutcome]:
    settings = made.prepared.settings
    seeds = seeds_for(params, indices, common=settings.common_random_numbers, run_seed=settings.seed)
    groups = [indices[start : start + at_once] for start in range(0, len(indices), at_once)]
    futures = [made.service.submit_replicates(params, {index: seeds[index] for index in group}) for group in groups]
    return [outcome for future in futures for outcome in future.result()]


def _weighed(found: Checked, made: Ready, params: UniqueParameterSet, outcomes: list[ReplicateOutcome]) -> Checked:
    """`found` with the predicted effective sample size, from more simulations of the set."""
    wanted = made.prepared.settings.confirm_replicates
    if WEIGHED * found.seconds / found.slots > PATIENCE_S:
        late = f"{WEIGHED} simulations would take too long to tell on how many replicates the likelihood will rest"
        return replace(found, warnings=(*found.warnings, late))
    in_time = int(WEIGHING_S * found.slots / max(found.seconds, 1e-6))
    count = max(WEIGHED, min(wanted + 1, in_time))
    at_once = group_size(found.seconds, timeout_s=made.loaded.spec.model.timeout_s)
    more = _more(made, params, range(SIMULATIONS, count), at_once=at_once)
    values = stack([outcome.aligned for outcome in [*outcomes, *more] if outcome.failure is None])
    rng = np.random.default_rng(made.prepared.settings.seed)
    effective = expected_effective(values, made.prepared.plan.scorer, replicates=wanted, rng=rng)
    if effective is None or not is_too_small(effective):
        return replace(found, effective_sample_size=effective)
    warning = (
        f"of a finalist's {wanted:,} fresh replicates, the likelihood will rest on about {in_words(effective)} (effective sample "
        f"size, for data that the model makes here); an error and intervals need {LEAST:g}: {what_to_do(effective, wanted)}"
    )
    return replace(found, effective_sample_size=effective, warnings=(*found.warnings, warning))


def _summed_up(
    made: Ready, params: UniqueParameterSet, outcomes: list[ReplicateOutcome], warnings: tuple[str, ...], slots: int
) -> Checked:
    settings, trials = made.prepared.settings, made.loaded.spec.search.trials
    failures = [f"{o.failure.kind}: {o.failure.message}" for o in outcomes if o.failure is not None]
    if 0 < len(failures) <= min(tolerated_of(settings.replicates, settings.tolerated_failures), len(outcomes) - 1):
        text = f"{len(failures)} of {len(outcomes)} simulations failed ({failures[0]}); the spec tolerates"
        warnings = (*warnings, f"{text} {100 * settings.tolerated_failures:g} % of a set's replicates")
        outcomes, failures = [outcome for outcome in outcomes if outcome.failure is None], []
    seconds = float(np.median([outcome.seconds for outcome in outcomes[1:]]))  # the first one imports
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
        ledger_bytes=simulations * (8 * made.prepared.plan.scorer.width + ROW_BYTES),
    )


def _loss(made: Ready, outcomes: list[ReplicateOutcome]) -> float | None:
    try:
        return made.prepared.plan.scorer.score(stack([outcome.aligned for outcome in outcomes])).loss
    except LossError:
        return None
