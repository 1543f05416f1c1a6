"""The outcome of a trial once its replicates are complete: a loss, an early stop, a failure, or more replicates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from modelops_runtime.contracts.failures import Failure, FailureKind
from modelops_runtime.contracts.trial import TrialStatus, bounded_diagnostics
from modelops_runtime.evaluation.fit import stack_with_failed
from modelops_runtime.evaluation.racing import corrected_loss, judge, remaining_bias
from modelops_runtime.evaluation.score import Scorer
from modelops_runtime.ledger.base import LOSS_BIAS, TrialEnd, values_or_failed
from modelops_runtime.losses.loss import LossError
from modelops_runtime.runner.loop_context import LoopContext
from modelops_runtime.runner.trial import Progress

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How trials are scored and raced."""

    scorer: Scorer
    paired: bool
    """Replicate i of every set has the same noise (common random numbers)."""
    incumbent_values: Callable[[int], Values]
    """Aligned values of a finished trial, [replicates, observations]."""


def trial_outcome(progress: Progress, judgement: Judgement) -> TrialEnd | None:
    """The end of a trial whose rung is done or which failed; None: it continues with its next rung."""
    if progress.failure is not None:
        return _failed(progress, progress.failure)
    if not progress.has_values:  # tolerated so far, and too few to judge
        return None
    values = stack_with_failed(progress.values())
    try:
        if progress.is_last_rung:
            return _completed(progress, values, judgement.scorer)
        return _raced(progress, values, judgement)
    except LossError as error:
        return _failed(progress, Failure(FailureKind.BAD_OUTPUT, str(error)))


def _completed(progress: Progress, values: Values, scorer: Scorer) -> TrialEnd:
    score = scorer.score(values)
    return TrialEnd(
        status=TrialStatus.COMPLETED,
        loss=score.loss,
        loss_se=score.known_se,
        effective_sample_size=score.effective,
        replicates=len(values),
        seconds=progress.seconds,
        diagnostics=bounded_diagnostics({LOSS_BIAS: score.known_bias, **_failures_of(progress), **score.diagnostics()}),
    )


def _raced(progress: Progress, values: Values, judgement: Judgement) -> TrialEnd | None:
    incumbent = progress.lease.incumbent
    assert incumbent is not None
    scorer = judgement.scorer
    verdict = judge(values, judgement.incumbent_values(incumbent), scorer, paired=judgement.paired)
    if verdict.keep:
        return None
    loss = corrected_loss(values, progress.rungs[-1], scorer)
    score = scorer.score(values)
    return TrialEnd(
        status=TrialStatus.COMPLETED,
        loss=loss,
        loss_se=score.known_se,
        effective_sample_size=score.effective,
        stopped_early=True,
        replicates=len(values),
        seconds=progress.seconds,
        diagnostics=bounded_diagnostics(
            {
                LOSS_BIAS: remaining_bias(score, loss),
                **_failures_of(progress),
                **score.diagnostics(),
                "raced_against": incumbent,
                "p_better": verdict.p_better,
                "uncorrected_loss": score.loss,
            }
        ),
    )


def _failures_of(progress: Progress) -> dict[str, int]:
    """How many replicates failed and were tolerated, if any."""
    count = sum(index in progress.failed for index in progress.indices)
    return {"failed_replicates": count} if count else {}


def _failed(progress: Progress, failure: Failure) -> TrialEnd:
    return TrialEnd(
        status=TrialStatus.TIMEOUT if failure.kind is FailureKind.TIMEOUT else TrialStatus.FAILED,
        failure=failure.kind,
        error=failure.message,
        replicates=len(progress.aligned),
        seconds=progress.seconds,
    )


def judgement_of(context: LoopContext) -> Judgement:
    """How trials are judged; the values of the last few incumbents are kept."""
    return Judgement(
        scorer=context.scorer,
        paired=context.settings.common_random_numbers,
        incumbent_values=lru_cache(maxsize=16)(partial(values_of_trial, context)),
    )


def values_of_trial(context: LoopContext, number: int) -> Values:
    """The aligned values of a trial's replicates of the search, which completed or were tolerated."""
    return stack_with_failed(values_or_failed(context.ledger.replicates(context.run_id, number), "search"))
