"""The answer of a run: the best parameter set and its losses; and the cases in which there is no answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modelops_runtime.contracts.answer import ALWAYS, Answer
from modelops_runtime.contracts.errors import LedgerError, RunFailed
from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.inference.ranking import ranked_by_loss
from modelops_runtime.ledger.base import TO_DO_WHEN_DAMAGED, Run, RunState, Trial
from modelops_runtime.runner import rules
from modelops_runtime.runner.search import SearchStatus
from modelops_runtime.runner.setup.settings import SearchSettings


@dataclass(frozen=True, slots=True)
class BestTrial:
    """The best search trial, and its confirmation on fresh seeds if one was requested."""

    trial: Trial
    confirmed: Trial | None


def answer_of(run: Run) -> Answer:
    """The run's answer; one without values if there is none yet. Raises LedgerError if a completed run lacks a part of it."""
    absent = [name for name in ALWAYS if name not in run.summary]
    if run.state is RunState.COMPLETED and absent:
        raise LedgerError(
            f"run {run.run_id!r} is completed, and column summary of its row lacks {absent[0]}; {TO_DO_WHEN_DAMAGED}"
        )
    return run.answer or Answer()


def reported(
    best: BestTrial,
    status: SearchStatus,
    *,
    order: Sequence[str],
    derived: Mapping[str, float],
    simulations: int,
    elapsed_s: float,
    stop_reason: str,
) -> Answer:
    """The answer of any run, searched or rescored.

    `order` names the spec's parameters; those that only the model's class has come last.
    """
    trial, confirmed = best.trial, best.confirmed
    params = trial.params or {}
    return Answer(
        best_trial=trial.number,
        params={name: params[name] for name in [*order, *sorted(set(params) - set(order))]},
        loss=trial.loss,
        loss_se=trial.loss_se,
        effective_sample_size=trial.effective_sample_size,
        replicates=trial.replicates,
        confirmed_loss=confirmed.loss if confirmed else None,
        confirmed_loss_se=confirmed.loss_se if confirmed else None,
        confirmed_replicates=confirmed.replicates if confirmed else 0,
        confirmed_effective_sample_size=confirmed.effective_sample_size if confirmed else None,
        loss_bias=trial.loss_bias,
        confirmed_loss_bias=confirmed.loss_bias if confirmed else None,
        derived={name: value for name, value in derived.items() if math.isfinite(value)},
        nuisance=dict((confirmed or trial).nuisance),
        simulations=simulations,
        elapsed_s=elapsed_s,
        stop_reason=stop_reason,
        failed=status.failed,
        commonest_error=rules.commonest(status),
    )


def best_trial(trials: Sequence[Trial], status: SearchStatus, settings: SearchSettings) -> BestTrial:
    """The lowest confirmed loss; without a confirmation, the lowest loss of a set that was not stopped early.

    Raises RunFailed when too many trials failed, none completed, or no finalist could be confirmed.
    """
    if status.finished and status.failed > settings.max_failed * status.finished:
        raise RunFailed(rules.failed_text(status, f"max_failed is {settings.max_failed:g}", settings.all_must_run))
    best = status.best
    if best is None:
        if status.failed:
            raise RunFailed(rules.failed_text(status, "none completed"))
        raise RunFailed("the search made no trial; is the algorithm's design empty?")
    if settings.confirm_top == 0:
        return BestTrial(best, None)
    confirmed = [t for t in trials if t.phase == "confirm" and t.status is TrialStatus.COMPLETED]
    if not confirmed:
        errors = [t.error for t in trials if t.phase == "confirm" and t.error]
        raise RunFailed(f"no finalist could be run again on fresh seeds: {errors[0] if errors else 'none was left'}")
    winner = ranked_by_loss(confirmed)[0]
    return BestTrial(next(t for t in trials if t.phase == "search" and t.number == winner.number), winner)
