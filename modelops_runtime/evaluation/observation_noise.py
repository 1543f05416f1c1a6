"""What would be observed of a simulation: draws from the observation model that a likelihood supposes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelops_runtime.evaluation.score import ScoredTarget
from modelops_runtime.losses import likelihoods
from modelops_runtime.losses.custom import CustomTerm
from modelops_runtime.losses.kinds import KINDS
from modelops_runtime.losses.observation_terms import LossError, Term
from modelops_runtime.statistics.array import Array

Rng = np.random.Generator

OF_N = tuple(kind for kind, option in likelihoods.PER_OBSERVATION.items() if option == "n")
"""Kinds that compare a count of n with a simulated probability."""


def observed_of(targets: Sequence[ScoredTarget], simulated: Array, rng: Rng) -> Array:
    """Pseudo-observations [N] of one replicate's aligned values [N], target after target; NaN where nothing was matched.

    Likelihoods: drawn from the loss's own distribution around the simulated values, independently, whatever the target's
    weight. Distances and functions of the user's own suppose no distribution: the simulated values themselves.
    Raises LossError for values that the loss refuses (a negative mean of counts, say).
    """
    drawn = simulated.copy()
    for target in targets:
        part = drawn[target.start : target.stop]
        matched = ~np.isnan(part)
        if isinstance(target.term, Term) and matched.any():
            part[matched] = observe(target.term.at(matched), part[matched], rng)
    return drawn


def observe(term: Term, simulated: Array, rng: Rng) -> Array:
    """One draw for each simulated value [..., N] of one target, from the distribution of the term's kind."""
    KINDS[term.kind].each(simulated, term)  # raises LossError for what has no loss
    try:
        return _DRAWS[term.kind](simulated, term, rng).astype(np.float64) if term.kind in _DRAWS else simulated
    except ValueError as error:  # numpy's, for means beyond the integers
        raise LossError(f"{term.kind}: no count can be drawn around {simulated.max():g}") from error


def observing(term: Term, y: Array) -> Term:
    """The term of a likelihood with other observations y [N], and the same options. Raises KeyError for another kind."""
    return _TERMS[term.kind](y, term)


def in_own_unit(term: Term | CustomTerm, simulated: Array) -> Array:
    """Simulated values [..., N] in the unit of what is observed: n p for counts of n, as they are for all others."""
    return simulated * term.a if isinstance(term, Term) and term.kind in OF_N else simulated


def observable(term: Term | CustomTerm, simulated: Array, rng: Rng, *, draws: int) -> Array:
    """What would be observed of each replicate of `simulated` [R, N], drawn `draws` times: [R * draws, N], NaN as there.

    No rows for a distance or a function of the user's own, which suppose no noise. Each observation is drawn by itself,
    whatever the target's weight. Raises LossError for values that the loss refuses.
    """
    if not isinstance(term, Term) or term.kind not in _DRAWS or not simulated.size:
        return np.empty((0, simulated.shape[-1]))
    repeated = np.repeat(simulated, draws, axis=0)
    missing = np.isnan(repeated)
    drawn = observe(term, np.where(missing, 0.0, repeated), rng)
    drawn[missing] = np.nan
    return drawn


def _poisson(simulated: Array, term: Term, rng: Rng) -> NDArray[Any]:
    return rng.poisson(likelihoods.mean_of_counts(simulated, term.kind))


def _negative_binomial(simulated: Array, term: Term, rng: Rng) -> NDArray[Any]:
    """A Poisson count whose mean is gamma distributed: mean m, variance m + m^2/k."""
    mean = likelihoods.mean_of_counts(simulated, term.kind)
    return rng.poisson(rng.gamma(term.option, mean / term.option))


def _binomial(simulated: Array, term: Term, rng: Rng) -> NDArray[Any]:
    return rng.binomial(term.a.astype(np.int64), likelihoods.probability(simulated, term.kind))


def _beta_binomial(simulated: Array, term: Term, rng: Rng) -> NDArray[Any]:
    p = likelihoods.probability(simulated, term.kind)
    return rng.binomial(term.a.astype(np.int64), rng.beta(p * term.option, (1 - p) * term.option))


def _normal(simulated: Array, term: Term, rng: Rng) -> NDArray[Any]:
    return rng.normal(simulated, term.a)


_DRAWS: Mapping[str, Callable[[Array, Term, Rng], NDArray[Any]]] = {
    "poisson": _poisson,
    "negative_binomial": _negative_binomial,
    "binomial": _binomial,
    "beta_binomial": _beta_binomial,
    "normal": _normal,
}

_TERMS: Mapping[str, Callable[[Array, Term], Term]] = {
    "poisson": lambda y, _: likelihoods.poisson_term(y),
    "negative_binomial": lambda y, term: likelihoods.negative_binomial_term(y, term.option),
    "binomial": lambda y, term: likelihoods.binomial_term(y, term.a),
    "beta_binomial": lambda y, term: likelihoods.beta_binomial_term(y, term.a, term.option),
    "normal": lambda y, term: likelihoods.normal_term(y, term.a),
}
