"""Effective sample sizes and biases of runs of an older ModelOps, which did not store them: computed from its stored values."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from modelops_runtime.contracts.observations import TargetObservations
from modelops_runtime.inference.ranking import finalists_or_best, ran_whole
from modelops_runtime.ledger.base import LOSS_BIAS, Ledger, Replicate, Run, Trial, completed

if TYPE_CHECKING:  # the losses are for runs of older versions: `mops status` of all others does not wait for them
    from modelops_runtime.evaluation.score import Scorer

SAME = 1e-9
"""Relative difference up to which a computed loss and the stored one are the same."""


def scorer_of(run: Run) -> Scorer | None:
    """The loss of the run, from its stored row; None if the row does not suffice."""
    from modelops_runtime.evaluation.stored import NotStored, stored_scorer

    try:
        return stored_scorer(run.observations, run.spec)
    except NotStored:
        return None


def trials_of(ledger: Ledger, run: Run) -> list[Trial]:
    """All trials; the best set and the finalists have their effective sample sizes and biases, and no error below five."""
    trials = ledger.trials(run.run_id)
    judged = {one.search.number for one in finalists_or_best(trials)}
    return _with_sizes(ledger, run, trials, judged)


def sized_trials_of(ledger: Ledger, run: Run) -> list[Trial]:
    """All trials, each with its effective sample size and bias: for fits over them."""
    trials = ledger.trials(run.run_id)
    return _with_sizes(ledger, run, trials, {trial.number for trial in trials})


def _with_sizes(ledger: Ledger, run: Run, trials: list[Trial], numbers: Container[int]) -> list[Trial]:
    if not any(_is_likelihood(part) for part in run.observations):
        return trials
    lacking = {trial.number for trial in trials if trial.number in numbers and _lacks_size(trial)}
    scorer = scorer_of(run) if lacking else None
    if scorer is None or not scorer.is_likelihood:
        return trials
    rows = {number: ledger.replicates(run.run_id, number) for number in lacking}
    return [_sized(trial, rows[trial.number], scorer) if trial.number in lacking else trial for trial in trials]


def with_sizes(ledger: Ledger, run: Run) -> Run:
    """The run with the sizes and errors of its rows in its summary, if that was written without sizes."""
    answer = run.answer
    if answer is None or answer.best_trial is None:
        return run
    sizes = (answer.effective_sample_size, answer.confirmed_effective_sample_size)
    if sizes != (None, None) and (answer.loss_bias, answer.confirmed_loss_bias) != (None, None):
        return run
    found: dict[str, float | None] = {}
    for trial in trials_of(ledger, run):
        if trial.number == answer.best_trial and trial.effective_sample_size is not None:
            of = "confirmed_" if trial.phase == "confirm" else ""
            found |= {f"{of}effective_sample_size": trial.effective_sample_size, f"{of}loss_se": trial.loss_se}
            found |= {f"{of}loss_bias": trial.loss_bias, f"{of}replicates": trial.replicates}
    return replace(run, summary={**run.summary, **found}) if found else run


def _is_likelihood(part: TargetObservations) -> bool:
    """Whether the loss weighs its replicates: a run of distances has no sizes."""
    if part.family is None:
        from modelops_runtime.losses.registry import known_loss

        loss = known_loss(part.loss)
        return loss is not None and loss.is_likelihood
    return part.family == "likelihood"


def _lacks_size(trial: Trial) -> bool:
    return ran_whole(trial) and (trial.effective_sample_size is None or LOSS_BIAS not in trial.diagnostics)


def _sized(trial: Trial, replicates: Sequence[Replicate], scorer: Scorer) -> Trial:
    """The trial with its size, if its stored values give its stored loss; otherwise the loss was computed from other values."""
    from modelops_runtime.evaluation.fit import stack
    from modelops_runtime.losses.loss import LossError

    done = [each.aligned for each in completed(replicates, trial.phase)]
    if not _lacks_size(trial) or trial.loss is None or len(done) != trial.replicates:
        return trial
    try:
        score = scorer.score(stack(done))
    except (LossError, ValueError):
        return trial
    if not math.isclose(score.loss, trial.loss, rel_tol=SAME, abs_tol=SAME):
        return trial
    return replace(
        trial,
        effective_sample_size=score.effective,
        loss_se=score.known_se and trial.loss_se,
        diagnostics={**trial.diagnostics, LOSS_BIAS: score.known_bias},
    )
