"""Does even the best set fit? The data against what its simulations lead one to expect, target by target.

Likelihoods: the data's -log p under the best set's runs, against that of data sets drawn from these runs with the noise that the
loss assumes, each scored by the other runs (a predictive check with the parameters held at the best: Box, Journal of the Royal
Statistical Society A 143, 1980; Gelman, Meng and Stern, Statistica Sinica 6, 1996). It must lie beyond all of them, and twice as
far from their median as the furthest does: a fresh data set would by chance less than once in `DRAWN` times, and these are the
data for which the parameters were chosen. So it is told of what is plainly wrong, and of a search that is far from its end.

Distances assume no noise, so a misfit is told only where three things come together: most observations lie outside all runs of
the best set, the mean of the runs leaves more than half of what a constant leaves, and the residuals are no noise (their mean is
not 0, or neighbours are alike). Functions of the user's own: nothing is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from modelops_runtime.contracts.wording import counted, fmt
from modelops_runtime.evaluation.observation_noise import observe
from modelops_runtime.evaluation.score import log_mean_exp
from modelops_runtime.inference.series import series_of
from modelops_runtime.inference.targets import TargetData
from modelops_runtime.losses.loss import LossError, Term

DRAWN = 200
"""Data sets that are drawn from the best set."""

RUNS = 100
"""Runs of it that these are drawn from and scored by, at most: 25 of them for OBSERVATIONS."""

COMPARED = 50_000
"""Values that one data set is scored by, at most: where observations are many, fewer runs tell as well."""

OBSERVATIONS = 2_000
"""Observations of a target that are compared, evenly spread, at most."""

SO = "The best set's parameters, and any intervals around them, tell little of the truth."

FEW = 5
"""Observations below which nothing is said of a distance."""

MEAN_SURE = 0.999
"""Level of the test of the residuals' mean, on either side."""

ALIKE_SURE = 0.995
"""Level of the test of neighbouring residuals."""

Values = NDArray[np.float64]


def misfits(targets: Sequence[TargetData], values: Values, seed: int) -> list[str]:
    """A sentence for each target that no set fits. `values` [runs, observations] are the best set's; nothing of a single run."""
    found: list[str] = []
    for target in targets:
        if len(values) < 2 or target.scored is None:
            continue
        simulated = values[:, target.start : target.stop]
        try:
            said = _unlikely(target, simulated, seed) if target.assumes_noise else _far(target, simulated)
        except LossError:
            said = ""
        if said:
            what = target.name if len(targets) == 1 else f"all targets; {target.name} is missed by the best one"
            found.append(f"No set that was tried fits {what}: {said}. {SO}")
    return found


def _unlikely(target: TargetData, values: Values, seed: int) -> str:
    assert target.scored is not None
    term, part = _matched(target.scored.term, values)
    if term is None:
        return ""
    part = part[_spread(len(part), COMPARED // part.shape[1])]
    rng = np.random.default_rng([seed, 1, target.start])
    seen = min(_loss_without(term.loss.value(part, term).sum(axis=1), r) for r in range(len(part)))
    drawn = np.empty(DRAWN)
    for at in range(DRAWN):
        drawn[at] = _loss_of_drawn(term, part, at % len(part), rng)
        if seen <= drawn[at]:
            return ""  # it cannot lie beyond all of them, whatever else is drawn
    if seen <= 2 * drawn.max() - float(np.median(drawn)):
        return ""
    return (
        f"the data lie further from the best set than each of {DRAWN} data sets that were drawn from it with the noise that"
        f" {term.kind} assumes (-log p {fmt(seen)}, theirs {fmt(float(drawn.min()))} to {fmt(float(drawn.max()))})"
    )


def _matched(term: Term, values: Values) -> tuple[Term | None, Values]:
    """What all runs matched, as it is compared, thinned to OBSERVATIONS and RUNS; no term where nothing was."""
    places = np.flatnonzero(np.isfinite(values).all(axis=0))
    places = places[_spread(len(places), OBSERVATIONS)]
    if term.loss.of == "all" or not len(places):
        return None, values
    mask = np.zeros(values.shape[1], dtype=np.bool_)
    mask[places] = True
    compared = term.scaled(values[np.ix_(_spread(len(values), RUNS), places)])
    return replace(term.at(mask), multiplier=1.0), compared


def _spread(count: int, most: int) -> NDArray[np.intp]:
    """At most `most` of `count` places, evenly spread."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.intp)


def _loss_of_drawn(term: Term, runs: Values, which: int, rng: np.random.Generator) -> float:
    """-log p, by all other runs, of data drawn from the run `which`."""
    drawn = term.with_observations(observe(term, runs[which], rng))
    return _loss_without(drawn.loss.value(runs, drawn).sum(axis=1), which)


def _loss_without(log_p: Values, which: int) -> float:
    return -log_mean_exp(np.delete(log_p, which))


def _far(target: TargetData, values: Values) -> str:
    assert target.scored is not None
    term, part = _matched(target.scored.term, values)
    if term is None or len(term.y) < FEW:
        return ""
    outside = (term.y < part.min(axis=0)) | (term.y > part.max(axis=0))
    each = term.loss.value
    left = float(each(part.mean(axis=0), term).mean())
    constants = np.unique([*np.quantile(term.y, np.linspace(0, 1, 41)).tolist(), float(term.y.mean())])
    constant = min(float(each(np.full(len(term.y), level), term).mean()) for level in constants)
    if outside.mean() <= 0.5 or left <= 0.5 * constant or not _is_structured(target, values):
        return ""
    count = f"{int(outside.sum())} of {counted(len(term.y), 'observed value')}"
    return (
        f"{count} lie outside all {len(part)} runs of the best set, whose mean is {fmt(left)} away from the data by {term.kind},"
        f" and the best constant {fmt(constant)}"
    )


def _is_structured(target: TargetData, values: Values) -> bool:
    """Whether the residuals are no independent noise about 0: by their mean, or by neighbours along the axis of each group."""
    from scipy.special import ndtri, stdtrit

    groups = [one.observed - one.simulated.mean(axis=0) for one in series_of(target, values)]
    groups = [residuals[np.isfinite(residuals)] for residuals in groups]
    residuals = np.concatenate(groups)
    n, spread = len(residuals), float(residuals.std(ddof=1)) if len(residuals) > 1 else 0.0
    if n < FEW or spread == 0:
        return n >= FEW and bool(residuals.mean() != 0)
    if abs(float(residuals.mean())) > float(stdtrit(n - 1, MEAN_SURE)) * spread / np.sqrt(n):
        return True
    alike = sum(float((group[1:] * group[:-1]).sum()) for group in groups) / float((residuals**2).sum())
    return alike > float(ndtri(ALIKE_SURE)) / np.sqrt(n)
