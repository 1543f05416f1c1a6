"""The loss of a parameter set, a pure function of its aligned values [replicates, observations]."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import numpy as np

from modelops_runtime.contracts.space import RealParameter
from modelops_runtime.evaluation.fit import are_failed, increments_of
from modelops_runtime.losses.loss import LossError, Term
from modelops_runtime.statistics.array import Array
from modelops_runtime.statistics.effective_sample_size import LEAST, is_too_small
from modelops_runtime.statistics.minimum import lowest

FITS = 16
"""Arrays whose nuisance parameters are kept."""

FILTER_SHARE = 0.6
"""Share of the runs of a filter that must count for their bias to be known, where there are few. A run is a mean over particles
already, and its log about normal (Berard, Del Moral, Doucet, Electronic Journal of Probability 19, 2014): no luck is unseen.
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoredTarget:
    """One target's part of the aligned vector, and its loss."""

    name: str
    start: int
    stop: int
    weight: float
    term: Term


@dataclass(frozen=True, slots=True)
class Score:
    """A loss (lower is better) with its jackknife error over replicates, None for a single one."""

    loss: float
    loss_se: float | None
    per_target: Mapping[str, float]
    """Each target's loss, without its weight. For likelihoods: -log of its marginal; these do not add up to `loss`."""
    effective: float | None = None
    """For likelihoods: `effective_sample_size` of all targets together."""
    nuisance: Mapping[str, float] = field(default_factory=dict)
    """The values of the nuisance parameters at which this loss is lowest."""
    bias: float | None = None
    """By how much the loss is too high for the finite number of replicates (`jackknife_bias`); None for a single one."""

    least: float = LEAST
    """The effective sample size from which on `bias` is known."""

    @property
    def known_bias(self) -> float | None:
        """The bias to store, show and correct for: none if a loss rests on too few replicates for a jackknife."""
        return None if self.effective is not None and self.effective < self.least else self.bias

    @property
    def known_se(self) -> float | None:
        """The standard error to store and show: none if a loss rests on too few replicates for a jackknife."""
        return None if is_too_small(self.effective) else self.loss_se

    def diagnostics(self) -> dict[str, object]:
        """What a trial's diagnostics say of it: `nuisance`, where there are such parameters, and `targets`."""
        found = {"nuisance": dict(self.nuisance)} if self.nuisance else {}
        return {**found, "targets": dict(self.per_target)}


@dataclass(frozen=True, slots=True, eq=False)
class Scorer:
    """Scores aligned values by targets that are either all likelihoods or all distances.

    Distances: J = sum_t w_t J_t. Likelihoods: -log p(y | theta) = log R - logsumexp_r sum_t w_t l_rt, marginalised once
    over all targets: target by target, each would favour different replicates (a Jensen error). A replicate that failed and was
    tolerated (`fit.stack_with_failed`) has l_rt = -inf: it counts among R with p = 0.

    An observation that some replicate did not match (NaN; `min_coverage` allowed it) is left out for the whole set: a mean
    over the other replicates would be biased. A likelihood is then scaled by N / matched, so that a set is not
    better for matching less.

    `of_filter`: a replicate is a run of a particle filter [2 N], whose second half adds up to l_r (see `particle_filter`).

    Nuisance parameters are set for each array of values to where its own loss is lowest: a profile over them (Cox and Hinkley,
    Theoretical Statistics, 1974, 9.3). What is computed beside that loss (errors, effective size, losses without a replicate)
    keeps them there: to first order they do not move the lowest loss. A filter has none: its values hold densities already.
    """

    targets: tuple[ScoredTarget, ...]
    of_filter: bool = False
    nuisance: tuple[RealParameter, ...] = ()
    _fits: dict[bytes, Mapping[str, float]] = field(default_factory=dict, repr=False)
    """The last few arrays' nuisance parameters, by a digest of the array: racing compares with one set again and again."""

    @property
    def is_likelihood(self) -> bool:
        return self.targets[0].term.loss.is_likelihood

    @property
    def width(self) -> int:
        """Values of a replicate."""
        return self.targets[-1].stop * (2 if self.of_filter else 1)

    @property
    def may_be_negative(self) -> bool:
        """Whether a target's distance may be negative, as that of a custom function."""
        return any(t.term.loss.may_be_negative for t in self.targets)

    def score(self, values: Array) -> Score:
        """`values` [R >= 1, `width`]. Raises LossError if the loss is not finite."""
        if values.ndim != 2 or not len(values) or values.shape[1] != self.width:
            raise ValueError(f"values are [replicates, {self.width}], got {list(values.shape)}")
        if self.nuisance:
            found = self.found(values)
            return replace(self.at(found).score(values), nuisance=found)
        if self.is_likelihood:
            return self._likelihood(values)
        losses = {t.name: _distance(t, values) for t in self.targets}
        loss = _finite(sum(t.weight * losses[t.name] for t in self.targets))
        without_each = self._without_each(values)
        return Score(loss, jackknife_error(without_each), losses, bias=jackknife_bias(without_each, loss))

    def at(self, nuisance: Mapping[str, float]) -> Scorer:
        """The same with these values of the nuisance parameters."""
        return Scorer(tuple(replace(target, term=target.term.bound(nuisance)) for target in self.targets))

    def found(self, values: Array) -> Mapping[str, float]:
        """The values of the nuisance parameters at which the loss of `values` [R, N] is lowest; none without such."""
        if not self.nuisance:
            return {}
        key = blake2b(repr(values.shape).encode() + values.tobytes(), digest_size=16).digest()
        if key not in self._fits:
            if len(self._fits) >= FITS:
                del self._fits[next(iter(self._fits))]
            self._fits[key] = self._lowest(values)
        return self._fits[key]

    def _lowest(self, values: Array) -> Mapping[str, float]:
        def named(point: Sequence[float]) -> dict[str, float]:
            return {p.name: p.from_unit(u) for p, u in zip(self.nuisance, point, strict=True)}

        def loss(point: Sequence[float]) -> float:
            try:
                found = self.at(named(point)).loss(values)
            except LossError:
                return math.inf
            return found if math.isfinite(found) else math.inf

        with np.errstate(all="ignore"):
            return named(lowest(loss, len(self.nuisance)))

    def loss(self, values: Array) -> float:
        """The loss alone, which may be infinite, where no nuisance parameter is open. Raises LossError."""
        if self.is_likelihood:
            return -log_mean_exp(self.log_likelihoods(values))
        return sum(t.weight * _distance(t, values) for t in self.targets)

    def _likelihood(self, values: Array) -> Score:
        log_p = [self._log_likelihoods(t, values) for t in self.targets]
        total = np.asarray(sum(t.weight * log_p[i] for i, t in enumerate(self.targets)))
        loss = _finite(-log_mean_exp(total))
        per_target = {t.name: -log_mean_exp(log_p[i]) for i, t in enumerate(self.targets)}
        without_each = _without_each(total)
        error, bias = jackknife_error(without_each), jackknife_bias(without_each, loss)
        least = min(LEAST, FILTER_SHARE * len(total)) if self.of_filter else LEAST
        return Score(loss, error, per_target, effective_sample_size(total), bias=bias, least=least)

    def _without_each(self, values: Array) -> Array:
        """`leave_one_out`; empty if the loss of some is not finite."""
        try:
            return self.leave_one_out(values)
        except LossError:
            return np.zeros(0)

    def log_likelihoods(self, values: Array) -> Array:
        """sum_t w_t l_rt for each replicate [R]; for likelihood targets alone."""
        if self.nuisance:
            return self.at(self.found(values)).log_likelihoods(values)
        return np.asarray(sum(t.weight * self._log_likelihoods(t, values) for t in self.targets))

    def _log_likelihoods(self, target: ScoredTarget, values: Array) -> Array:
        failed = are_failed(values)
        if failed.any():
            found = np.full(len(values), -np.inf)
            if not failed.all():
                found[~failed] = self._log_likelihoods(target, values[~failed])
            return found
        if not self.of_filter:
            return _log_likelihoods(target, values)
        return increments_of(values)[:, target.start : target.stop].sum(axis=1)

    def leave_one_out(self, values: Array) -> Array:
        """The loss without replicate r, for each r [R]; empty for a single replicate. Raises LossError."""
        if len(values) < 2:
            return np.zeros(0)
        if self.nuisance:
            return self.at(self.found(values)).leave_one_out(values)
        if self.is_likelihood:
            return _without_each(self.log_likelihoods(values))
        return np.asarray(sum(t.weight * _distances_without_each(t, values) for t in self.targets))


def jackknife_error(without_each: Array) -> float | None:
    """sqrt((R-1)/R sum_r (J_-r - mean)^2) (Efron, The Jackknife, the Bootstrap and Other Resampling Plans, 1982); None if R < 2.

    For a mean of replicates it is the usual s / sqrt(R).
    """
    r = len(without_each)
    if r < 2 or not np.isfinite(without_each).all():
        return None
    error = math.sqrt((r - 1) / r * float(np.square(without_each - without_each.mean()).sum()))
    return error if math.isfinite(error) else None


def jackknife_bias(without_each: Array, loss: float) -> float | None:
    """(R-1)(mean_r J_-r - J): about how much J over R replicates is above that over infinitely many; None if R < 2.

    It removes the part of order 1/R (Quenouille, Biometrika 43, 1956): all of it for a squared error of the mean, the
    half variance of a log-mean-exp to first order, and it is 0 for a mean of the replicates' own losses.
    """
    r = len(without_each)
    if r < 2:
        return None
    bias = (r - 1) * (float(without_each.mean()) - loss)
    return bias if math.isfinite(bias) else None


def log_mean_exp(log_p: Array) -> float:
    """log((1/R) sum_r exp(l_r)), without overflow or underflow."""
    top = log_p.max()
    if top == -math.inf:
        return -math.inf
    return float(top + math.log(np.exp(log_p - top).mean()))


def effective_sample_size(log_p: Array) -> float:
    """(sum_r w_r)^2 / sum_r w_r^2 with w_r = exp(l_r): from 1, where one replicate outweighs all others, to R (Kish, Survey
    Sampling, 1965, 8.2; for importance weights Kong, Liu and Wong, Journal of the American Statistical Association 89, 1994).

    `log_p` [R]: the terms of the log-mean-exp, over all targets and with their weights.
    """
    weights = np.exp(log_p - log_p.max())
    return float(weights.sum() ** 2 / np.square(weights).sum())


def _without_each(log_p: Array) -> Array:
    """-log-mean-exp without replicate r, for each r [R]; without subtraction, since one replicate often outweighs all others."""
    r = len(log_p)
    if r < 2:
        return np.zeros(0)
    others = np.broadcast_to(log_p, (r, r))[~np.eye(r, dtype=bool)].reshape(r, r - 1)
    top = others.max(axis=1)
    top[top == -math.inf] = 0.0  # all others are impossible
    with np.errstate(divide="ignore"):
        return -(top + np.log(np.exp(others - top[:, None]).mean(axis=1)))


def _matched(target: ScoredTarget, values: Array) -> tuple[Array, Term]:
    """The target's columns that every replicate matched, as they are compared."""
    part = target.term.scaled(values[:, target.start : target.stop])
    if not math.isnan(part.sum()):
        return part, target.term
    matched = np.asarray(~np.isnan(part).any(axis=0))
    if not matched.any():
        raise LossError(f"target {target.name}: no observation was matched by every replicate")
    return part[:, matched], target.term.at(matched)


def _log_likelihoods(target: ScoredTarget, values: Array) -> Array:
    part, term = _matched(target, values)
    scale = (target.stop - target.start) / len(term.y)
    return scale * term.loss.value(part, term).sum(axis=1)


def _distance(target: ScoredTarget, values: Array) -> float:
    part, term = _matched(target, values)
    loss = term.loss
    if loss.of == "all":
        return loss.value(part, term)
    return float(loss.value(part.mean(axis=0) if loss.of == "mean" else part, term).mean())


def _distances_without_each(target: ScoredTarget, values: Array) -> Array:
    """The target's loss without replicate r [R]."""
    part, term = _matched(target, values)
    others = len(part) - 1
    loss = term.loss
    if loss.of == "all":
        return np.array([loss.value(np.delete(part, r, axis=0), term) for r in range(len(part))])
    if loss.of == "mean":
        return loss.value((part.sum(axis=0) - part) / others, term).mean(axis=1)
    own = loss.value(part, term).mean(axis=1)
    return (own.sum() - own) / others


def _finite(loss: float) -> float:
    if not math.isfinite(loss):
        raise LossError(f"the loss is {loss}; simulated values are too far from what was observed")
    return float(loss)
