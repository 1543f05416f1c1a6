"""Draws observations of a simulation from the observation model that a likelihood assumes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelops_runtime.evaluation.score import ScoredTarget
from modelops_runtime.losses.loss import LossError, Rng, Term
from modelops_runtime.statistics.array import Array


def observed_of(targets: Sequence[ScoredTarget], simulated: Array, rng: Rng) -> Array:
    """Pseudo-observations [N] of one replicate's aligned values [N], target after target; NaN where nothing was matched.

    Likelihoods: drawn from the loss's own distribution around the simulated values, independently, whatever the target's
    weight. Distances and custom functions assume no distribution: the simulated values themselves.
    Raises LossError for values that the loss refuses (such as a negative mean of counts).
    """
    drawn = simulated.copy()
    for target in targets:
        part = drawn[target.start : target.stop]
        matched = ~np.isnan(part)
        if target.term.loss.of != "all" and matched.any():
            part[matched] = observe(target.term.at(matched), part[matched], rng)
    return drawn


def observe(term: Term, simulated: Array, rng: Rng) -> Array:
    """One draw for each simulated value [..., N] of one target, from the distribution of the term's loss."""
    loss, simulated = term.loss, term.scaled(simulated)
    loss.value(simulated, term)  # raises LossError for what has no loss
    try:
        return simulated if loss.draw is None else loss.draw(simulated, term, rng).astype(np.float64)
    except ValueError as error:  # numpy's, for means beyond the integers
        raise LossError(f"{term.kind}: no count can be drawn around {simulated.max():g}") from error


def in_observed_unit(term: Term, simulated: Array) -> Array:
    """Simulated values [..., N] in the unit of the observations: multiplied as the loss does it, n p for counts of n."""
    convert, simulated = term.loss.in_observed_unit, term.scaled(simulated)
    return simulated if convert is None else convert(simulated, term.a)


def observable(term: Term, simulated: Array, rng: Rng, *, draws: int) -> Array:
    """`draws` draws of observations of each replicate of `simulated` [R, N]: [R * draws, N], NaN where that is NaN.

    No rows for a distance or a custom function, which assume no noise. Each observation is drawn independently,
    whatever the target's weight. Raises LossError for values that the loss refuses.
    """
    if term.loss.draw is None or not simulated.size:
        return np.empty((0, simulated.shape[-1]))
    repeated = np.repeat(simulated, draws, axis=0)
    missing = np.isnan(repeated)
    drawn = observe(term, np.where(missing, 0.0, repeated), rng)
    drawn[missing] = np.nan
    return drawn
