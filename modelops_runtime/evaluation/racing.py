"""Racing: whether a parameter set gets its remaining replicates, and which loss is reported for one that does not.

The rule. Over the r replicates that both have (the same indices), gap = J(contender) - J(incumbent): losses at equal r, since
a mean-signal loss over fewer replicates is larger by variance / r. The contender is dropped when gap > 2 scale, where

- distances: scale^2 = se(gap)^2 + (R / r) se(J(incumbent) over all its R)^2. Both are jackknife errors, the first of the paired
  differences under common random numbers, of both losses apart otherwise. With r = 3 the first alone has two degrees of
  freedom and is often tiny by chance; the spread of the incumbent corrects that.
- likelihoods: scale = 2 (best - median) of the incumbent's R log-likelihoods. A log-mean-exp depends on its best replicate, so
  the question is how much a lucky one among the remaining R - r may add. Neither a jackknife nor a standard deviation
  shows that (one extinct replicate in ten makes both thousands); the distance from the median to the best replicate does.

Why this rule, and the alternatives: docs/decisions/racing.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from modelops_runtime.evaluation.fit import are_failed
from modelops_runtime.evaluation.score import Score, Scorer, jackknife_error
from modelops_runtime.losses.loss import LossError
from modelops_runtime.statistics.array import Array

THRESHOLD = 2.0
"""How many scales a contender may be behind and still continue."""

LUCK = 2.0
"""For likelihoods, the scale in units of the incumbent's distance from its median replicate to its best."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a contender continues."""

    keep: bool
    p_better: float
    """gap / scale read as a normal deviate: a score for ordering, not a calibrated probability."""


def judge(values: Array, incumbent: Array, scorer: Scorer, *, paired: bool) -> Verdict:
    """Judge a contender [r, N] by the incumbent [>= r, N], row i of both being the same replicate index.

    `paired`: replicate i of both has the same noise. With r < 2 it cannot be judged and continues. Raises LossError if the
    contender has no loss.
    """
    r = len(values)
    if scorer.is_likelihood and are_failed(incumbent[:r]).all():
        return Verdict(True, 0.5)  # there is nothing to compare with
    loss = scorer.score(values).loss
    if r < 2 or len(incumbent) < r:
        return Verdict(True, 0.5)
    gap = loss - scorer.score(incumbent[:r]).loss
    try:
        scale = _luck(incumbent, scorer) if scorer.is_likelihood else _noise(values, incumbent, scorer, paired=paired)
    except LossError:
        return Verdict(True, 0.5)
    if scale == 0:
        return Verdict(gap <= 0, 0.5 if gap == 0 else float(gap < 0))
    z = gap / scale
    return Verdict(z <= THRESHOLD, 0.5 * math.erfc(z / math.sqrt(2)))


def corrected_loss(values: Array, replicates: int, scorer: Scorer) -> float:
    """An estimate, from r replicates [r, N], of the loss that `replicates` = R of them would have had.

    - mean_signal, relative: J - V (1/r - 1/R), V the mean variance (r - 1 below) between replicates in the loss's units: exact in
      expectation. It follows from the jackknife's bias, (r-1)(mean_r J_-r - J) = V/r, which holds for absolute, log and custom
      losses to first order (Quenouille, Biometrika 43, 1956), and is 0 for annealed.
    - likelihoods: the log of a mean of r weights w_r = exp(l_r) is too low by about c^2 / 2r, c their coefficient of variation
      (delta method), so -log p is lowered by c^2/2 (1/r - 1/R). c^2 is at most r, so that is never more than 1/2: it is small
      relative to the gap that decides a race; the jackknife is not bounded here.

    Never below 0 for distances that cannot be. Raises LossError as `score` does.
    """
    loss, r = scorer.score(values).loss, len(values)
    if r < 2 or r >= replicates:
        return loss
    if scorer.is_likelihood:
        log_p = scorer.log_likelihoods(values)
        weights = np.exp(log_p - log_p.max())
        relative_variance = float(weights.var(ddof=1) / weights.mean() ** 2)
        return loss - relative_variance / 2 * (1 / r - 1 / replicates)
    bias = (r - 1) * (float(scorer.leave_one_out(values).mean()) - loss) * (1 - r / replicates)
    return loss - bias if scorer.may_be_negative else max(0.0, loss - bias)


def remaining_bias(score: Score, corrected: float) -> float | None:
    """The known bias of `corrected`, which is `score.loss` without a part of its bias; None where it is not known."""
    return None if score.known_bias is None else score.known_bias - (score.loss - corrected)


def _luck(incumbent: Array, scorer: Scorer) -> float:
    log_p = scorer.log_likelihoods(incumbent)
    return LUCK * float(log_p.max() - np.median(log_p))


def _noise(values: Array, incumbent: Array, scorer: Scorer, *, paired: bool) -> float:
    r, all_of_it = len(values), len(incumbent)
    ours, theirs = scorer.leave_one_out(values), scorer.leave_one_out(incumbent[:r])
    if paired:
        gap_error = jackknife_error(ours - theirs) or 0.0
    else:
        gap_error = math.hypot(jackknife_error(ours) or 0.0, jackknife_error(theirs) or 0.0)
    spread = jackknife_error(scorer.leave_one_out(incumbent)) or 0.0
    return math.hypot(gap_error, spread * math.sqrt(all_of_it / r))
