"""The losses that a fit over trials may use: corrected for their bias, and without those whose bias is not known.

The log of a mean of R likelihoods is too low by about c^2 / 2R, c their coefficient of variation, and c rises away from
the best set: a surface through such losses is too steep and its lowest point is moved. The jackknife tells the bias of a
loss whose effective sample size is at least 5 (`score.jackknife_bias`); of one below, nothing does. Distances are fitted as
they are: of a squared error the correction can be larger than what is left. Measured in docs/decisions/intervals.md.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.contracts.wording import counted
from modelops_runtime.ledger.base import Trial
from modelops_runtime.statistics.effective_sample_size import REACHABLE, REMEDIES, replicates_wanted

NO_NOISE = 1e-9
"""Relative error of a loss up to which its replicates are alike but for rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnbiasedTrials:
    """The completed trials of a likelihood: those with a loss corrected for its bias, and those whose bias is not known."""

    corrected: tuple[Trial, ...]
    left_out: tuple[Trial, ...]


def unbiased(trials: Sequence[Trial]) -> UnbiasedTrials:
    """Sort completed trials of a likelihood by whether the bias of their losses is known, and correct those losses.

    A model without noise has no bias, with a single replicate either: that is known from confirmations whose error is 0.
    """
    done = [t for t in trials if t.status is TrialStatus.COMPLETED and t.loss is not None and math.isfinite(t.loss)]
    if _is_without_noise(done):
        return UnbiasedTrials(corrected=tuple(done), left_out=())
    known = [(t, t.loss, bias) for t in done if t.loss is not None and (bias := t.loss_bias) is not None]
    return UnbiasedTrials(
        corrected=tuple(replace(trial, loss=loss - bias) for trial, loss, bias in known),
        left_out=tuple(trial for trial in done if trial.loss_bias is None),
    )


def too_few_known(found: UnbiasedTrials, *, parameters: int, needed: int) -> str:
    """Why there is no surface over so many parameters, if it is for the losses whose bias is not known; else empty."""
    if not found.left_out:
        return ""
    known, left_out = (sum(t.phase == "search" for t in trials) for trials in (found.corrected, found.left_out))
    all_of_them = known + left_out
    few = f"{known:,} of {counted(all_of_them, 'completed trial')} {'has' if known == 1 else 'have'} a loss"
    rule = "whose bias is known (enough of its replicates count in it)"
    near = "" if known < needed else ", and too few of these lie near the best"
    return f"only {few} {rule}{near}: a surface over {counted(parameters, 'parameter')} needs {needed}"


def for_more_known(found: UnbiasedTrials) -> str:
    """A sentence on what gives more trials a known bias."""
    sized = [(t.effective_sample_size, t.replicates, t.loss or 0.0) for t in found.left_out if not t.stopped_early]
    best = sorted((one for one in sized if one[0] is not None), key=lambda one: one[2])[: max(5, len(sized) // 10)]
    wanted = [replicates_wanted(size or 1.0, replicates) for size, replicates, _ in best]
    middle = statistics.median_high(wanted) if wanted else math.inf
    if best and middle <= REACHABLE * best[0][1]:
        return f"About {middle:,} replicates of each set (search.replicates, or its max) may give them, or {REMEDIES}."
    return f"More replicates of each set (search.replicates, or its max) may give them; where they do not, {REMEDIES}."


def _is_without_noise(done: Sequence[Trial]) -> bool:
    sizes = [(t.effective_sample_size, t.replicates) for t in done if t.replicates > 1]
    if sizes and all(size is not None and size >= count * (1 - NO_NOISE) for size, count in sizes):
        return True
    errors = [(t.loss_se, t.loss or 0.0) for t in done if t.phase == "confirm" and t.replicates > 1]
    return bool(errors) and all(se is not None and se <= NO_NOISE * max(1.0, abs(loss)) for se, loss in errors)
