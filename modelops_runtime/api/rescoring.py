"""Score the stored values of a run with another loss or other weights: a new run, without simulations."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from modelops_runtime.api.opening import Ready
from modelops_runtime.contracts.errors import SpecErrors, UserError
from modelops_runtime.contracts.failures import FailureKind
from modelops_runtime.contracts.observations import TargetObservations
from modelops_runtime.contracts.trial import TrialStatus, phase_of
from modelops_runtime.evaluation.fit import stack_with_failed
from modelops_runtime.evaluation.racing import corrected_loss, remaining_bias
from modelops_runtime.evaluation.score import Scorer
from modelops_runtime.evaluation.stored import is_of_filter
from modelops_runtime.ledger.base import (
    LOSS_BIAS,
    Lease,
    Ledger,
    Replicate,
    Run,
    RunState,
    Trial,
    TrialEnd,
    values_or_failed,
)
from modelops_runtime.ledger.worker_identity import worker_id
from modelops_runtime.losses.loss import LossError
from modelops_runtime.runner.finish import best_trial, reported
from modelops_runtime.runner.search import SearchStatus
from modelops_runtime.runner.setup.provenance import collect
from modelops_runtime.runner.setup.settings import LEASE_S
from modelops_runtime.specs.identity import spec_json
from modelops_runtime.specs.targets import TargetSpec

MATCHED = ("match", "value", "output")
"""The fields of a target that decide which output values belong to its observations."""


def rescore(ready: Ready, ledger: Ledger, run_id: str, new_id: str) -> Run:
    """Score all trials of `run_id` by the spec's targets, into a new run `new_id` of the same ledger.

    A set that was stopped early keeps its few replicates, and its loss is again corrected for them. The finalists are
    those that the run confirmed. Raises SpecErrors if the targets match other data or match it in another way than the run;
    UserError if `new_id` exists or nothing has completed.
    """
    old = ledger.get_run(run_id)
    assert old is not None
    if is_of_filter(old.spec) or ready.prepared.plan.scorer.of_filter:
        raise UserError(
            f"run {run_id!r} cannot be rescored: a particle filter's values belong to the loss that weighed them; "
            "run the spec anew, or rescore a run without search.likelihood with such a spec"
        )
    _refuse_other_values(ready, old)
    if ledger.get_run(new_id) is not None:
        raise UserError(f"there is a run {new_id!r} already; give another name with --run-id")
    trials = [trial for trial in ledger.trials(run_id) if trial.status.is_final and trial.params is not None]
    searched = [trial for trial in trials if trial.phase == "search"]
    if not any(trial.status is TrialStatus.COMPLETED for trial in searched):
        raise UserError(f"run {run_id!r} has no completed trial yet")
    if not ready.prepared.plan.scorer.is_likelihood and any(t.diagnostics.get("failed_replicates") for t in trials):
        raise UserError(
            f"run {run_id!r} tolerated replicates that failed, which a distance cannot leave out; take likelihoods"
        )
    run = ledger.create_run(_new_run(ready, old, new_id, len(searched)))
    numbers = {trial.number: _search_trial(ready, ledger, run, trial) for trial in searched}
    _confirm_trials(ready, ledger, run, numbers, [trial for trial in trials if trial.phase == "confirm"])
    return _conclude_rescored(ready, ledger, run)


def _refuse_other_values(ready: Ready, old: Run) -> None:
    """Raises SpecErrors unless the stored values are those that these targets would be matched with."""
    new = ready.prepared.plan.observations().targets
    before = old.observations.targets
    errors = []
    for name in sorted(set(new) | set(before)):
        if name not in new or name not in before:
            there = "is not one of the run" if name in new else "of the run is missing"
            errors.append(ready.loaded.error(f"targets.{name}", f"target {name} {there}", "keep the run's targets"))
        elif not _same_data(new[name], before[name]):
            wrong = f"target {name} has other observations or keys than the run"
            errors.append(ready.loaded.error(f"targets.{name}", wrong, "change loss and weight alone, or run anew"))
        elif _match_of(ready, name) != _match_in(old, name):
            wrong = f"target {name} is matched in another way than in the run"
            errors.append(
                ready.loaded.error(f"targets.{name}.match", wrong, "change loss and weight alone, or run anew")
            )
    if errors:
        raise SpecErrors(*errors)


def _same_data(new: TargetObservations, before: TargetObservations) -> bool:
    """Whether all is the same that no other loss or weight changes; an older version did not say which columns are dates."""
    same = (new.keys, new.observed, new.place) == (before.keys, before.observed, before.place)
    return same and (before.dates is None or new.dates == before.dates)


def _match_of(ready: Ready, name: str) -> dict[str, Any]:
    return _how(ready.loaded.spec.targets[name])


def _match_in(old: Run, name: str) -> dict[str, Any]:
    """How the target of the run's spec is matched, with newer keys at their defaults; empty if this version cannot read it."""
    target = (old.spec.get("targets") or {}).get(name) or {}
    given = {key: value for key, value in target.items() if key in ("observed", *MATCHED)}
    try:
        return _how(TargetSpec.model_validate(given))
    except ValidationError:
        return {}


def _how(target: TargetSpec) -> dict[str, Any]:
    return {key: getattr(target, key) for key in MATCHED}


def _new_run(ready: Ready, old: Run, new_id: str, trials: int) -> Run:
    return Run(
        run_id=new_id,
        identity=ready.prepared.identity,
        identity_parts=ready.prepared.identity_parts,
        spec=spec_json(ready.loaded.spec),
        provenance={**collect(ready.prepared.code_digest), "rescored_from": old.run_id, "first_run": old.provenance},
        observations=ready.prepared.plan.observations(),
        trials=trials,
        replicates=old.replicates,
        space=old.space,
    )


def _search_trial(ready: Ready, ledger: Ledger, run: Run, trial: Trial) -> int:
    """Copy a trial with its new loss; returns the number of the copy, which differs if the run had gaps."""
    guesses = 1 if trial.draw is None else 0
    lease = ledger.reserve(run.run_id, worker_id(), guesses=run.trials * guesses, lease_s=LEASE_S)
    assert lease is not None
    assert trial.params is not None
    lease = ledger.propose(
        lease,
        trial.params,
        origin="guess" if trial.draw is None else "ask",
        known=0,
        incumbent=None,
        algorithm_state=trial.algorithm_state,
        wanted=trial.wanted,
    ).lease
    _finish(ready, ledger, lease, trial, trial.wanted or run.replicates)
    return lease.number


def _confirm_trials(ready: Ready, ledger: Ledger, run: Run, numbers: Mapping[int, int], confirmed: list[Trial]) -> None:
    ledger.confirm(run.run_id, [numbers[trial.number] for trial in confirmed if trial.number in numbers])
    by_number = {numbers[trial.number]: trial for trial in confirmed if trial.number in numbers}
    while (lease := ledger.take_over(run.run_id, worker_id(), lease_s=LEASE_S)) is not None:
        _finish(ready, ledger, lease, by_number[lease.number], 0)


def _finish(ready: Ready, ledger: Ledger, lease: Lease, trial: Trial, replicates: int) -> None:
    rows = [r for r in ledger.replicates(trial.run_id, trial.number) if phase_of(r.index) == trial.phase]
    if rows:
        ledger.record(lease, [dataclasses.replace(row, number=lease.number, attempt=1) for row in rows])
    ledger.finish(lease, _end(ready.prepared.plan.scorer, trial, rows, replicates))


def _end(scorer: Scorer, trial: Trial, rows: list[Replicate], replicates: int) -> TrialEnd:
    kept = {"replicates": trial.replicates, "seconds": trial.seconds or 0.0}
    if trial.status is not TrialStatus.COMPLETED:
        return TrialEnd(status=trial.status, failure=trial.failure, error=trial.error, **kept)
    lost = [row for row in rows if row.status != "COMPLETED"]
    values = stack_with_failed(values_or_failed(rows, trial.phase))
    try:
        score = scorer.score(values)
        loss = corrected_loss(values, replicates, scorer) if trial.stopped_early else score.loss
    except LossError as error:
        return TrialEnd(status=TrialStatus.FAILED, failure=FailureKind.BAD_OUTPUT, error=str(error), **kept)
    failed = {"failed_replicates": len(lost)} if lost else {}
    return TrialEnd(
        status=TrialStatus.COMPLETED,
        loss=loss,
        loss_se=score.known_se,
        effective_sample_size=score.effective,
        stopped_early=trial.stopped_early,
        diagnostics={LOSS_BIAS: remaining_bias(score, loss), **failed, **score.diagnostics()},
        **kept,
    )


def _conclude_rescored(ready: Ready, ledger: Ledger, run: Run) -> Run:
    status, trials = SearchStatus(), ledger.trials(run.run_id)
    for trial in trials:
        if trial.phase == "search":
            status.add(trial)
    confirmed = any(trial.phase == "confirm" for trial in trials)
    settings = ready.prepared.settings if confirmed else dataclasses.replace(ready.prepared.settings, confirm_top=0)
    best = best_trial(trials, status, dataclasses.replace(settings, max_failed=1.0))
    summary = reported(
        best,
        status,
        order=list(ready.loaded.spec.parameters),
        derived=ready.service.derive(best.trial.params or {}),
        simulations=0,
        elapsed_s=0.0,
        stop_reason="",
    ).as_json()
    ledger.end_run(run.run_id, RunState.COMPLETED, "", summary)
    done = ledger.get_run(run.run_id)
    assert done is not None
    return done
