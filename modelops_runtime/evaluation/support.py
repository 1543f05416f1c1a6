"""Predicts on how many replicates a likelihood will rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from modelops_runtime.evaluation.observation_noise import observed_of
from modelops_runtime.evaluation.score import Scorer, effective_sample_size
from modelops_runtime.losses.loss import LossError
from modelops_runtime.statistics.array import Array
from modelops_runtime.statistics.effective_sample_size import grown

DATA_SETS = 40
"""The most sets of pseudo-observations over which the median is taken."""


def expected_effective(values: Array, scorer: Scorer, *, replicates: int, rng: np.random.Generator) -> float | None:
    """The effective sample size of `replicates` simulations of a set, if the model had produced the data at this set.

    `values` [R, N] are simulations of it. Each in turn serves as the truth: data are drawn around it with the loss's noise, and
    the others are weighed by them; the result is the median, extrapolated from R - 1 others. At a poor set the observed data
    would only show that it is poor. None if no data can be drawn, or fewer than three simulations
    are given. For likelihoods alone.
    """
    scorer = scorer.at(scorer.found(values)) if scorer.nuisance else scorer
    found: list[float] = []
    for row in range(min(len(values), DATA_SETS) if len(values) > 2 else 0):
        others = np.delete(values, row, axis=0)
        try:
            drawn = observed_of(scorer.targets, values[row], rng)
            others[:, np.isnan(drawn)] = np.nan
            log_p = _observing(scorer, drawn).log_likelihoods(others)
        except LossError:
            continue
        if np.isfinite(log_p.max()):
            found.append(grown(effective_sample_size(log_p), len(others), replicates))
    return min(float(np.median(found)), float(replicates)) if found else None


def _observing(scorer: Scorer, drawn: Array) -> Scorer:
    """The same targets with other data [N]."""
    parts = [(target, drawn[target.start : target.stop]) for target in scorer.targets]
    return Scorer(tuple(replace(target, term=target.term.with_observations(part)) for target, part in parts))
