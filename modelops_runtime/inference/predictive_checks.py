"""Predictive checks of the best set: how the observations lie in the bands of what its simulations lead one to expect.

Likelihoods: the simulations with the noise that the loss assumes, drawn by the loss itself. Each target has the shares of its
observations in central bands, their PIT values (Dawid, Journal of the Royal Statistical Society A 147, 1984; for counts Czado,
Gneiting and Held, Biometrics 65, 2009), and what chance gives for both: counted over data sets drawn from the same simulations.
The parameters are held at the best, which were chosen for these data, so chance gives slightly fewer in a band than a fit does.

Distances assume no noise: the bands are those of the simulations alone, and nothing says how many observations should lie there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from modelops_runtime.contracts.plain_json import plain
from modelops_runtime.evaluation.stored import is_of_filter
from modelops_runtime.inference.run_data import RunData, Runs, runs_of
from modelops_runtime.inference.series import quantiles_of
from modelops_runtime.inference.targets import Key, TargetData, targets_of
from modelops_runtime.statistics.array import Array
from modelops_runtime.statistics.predictive import (
    ByChance,
    by_chance,
    central_counts,
    histogram,
    independent_counts,
    is_inside,
    joint_band,
    pit_values,
    tail,
)

LEVELS = (0.5, 0.9, 0.95)
"""Central bands."""

CHANCE = 0.95
"""The share of the drawn data sets whose number inside a band is called chance; for several targets, of all of them at once."""

OBSERVATIONS = 1_000
"""Observations of a target that are judged, evenly spread, at most."""

RUNS = 1_000
"""Runs whose draws are compared, at most."""

DATA_SETS = (400, 1_000)
"""Data sets that are drawn: the fewest and the most."""

COMPARED = 200_000_000
"""Comparisons of their values with draws of the same run, about: where these are more, fewer data sets are drawn."""

BINNED = 5
"""Observations below which there is no histogram."""

LARGEST = 5
"""Misfits that are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How many observations lie inside a central band, and how many by chance (None where no noise is assumed)."""

    level: float
    inside: int
    count: int
    chance_low: int | None = None
    """Of data sets drawn from the same simulations, which keep the dependence between observations."""
    chance_high: int | None = None
    independent_low: int | None = None
    """If observations were independent: the binomial interval."""
    independent_high: int | None = None
    chance_of_fewer: float | None = None
    """The share of the drawn data sets with as few inside, or fewer."""
    chance_of_more: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """An observation that lies far from what is predicted for it, in the unit of the data."""

    key: dict[str, Key]
    observed: float
    median: float
    low: float
    """2.5 % quantile of the prediction."""
    high: float
    """97.5 % quantile."""
    pit: float | None = None

    @property
    def is_outside(self) -> bool:
        """Whether it lies outside the central 95 %."""
        return not self.low <= self.observed <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class PitHistogram:
    """How many PIT values lie in equal parts of 0 to 1, and between which bounds by chance, all parts together."""

    counts: tuple[int, ...]
    low: tuple[int, ...]
    high: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetCheck:
    """The checks of one target."""

    target: str
    loss: str
    count: int
    """Observations that are judged: those that all runs matched, thinned where there are very many."""
    coverage: tuple[Coverage, ...]
    largest: tuple[Deviation, ...]
    """The observations that lie furthest from their median, in half widths of their 95 % band, the furthest first."""
    pit: PitHistogram | None = None
    note: str = ""
    """Why chance says nothing here."""

    def at(self, level: float) -> Coverage:
        """The coverage of a band of LEVELS."""
        return next(one for one in self.coverage if one.level == level)


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictiveChecks:
    """The checks of a run's best set, target by target."""

    trial: int
    phase: str
    """Of the simulations: confirm, or search if none was run again."""
    runs: int
    targets: tuple[TargetCheck, ...]
    together: tuple[Coverage, ...] = ()
    """All targets whose loss assumes noise together, where there are several."""
    data_sets: int = 0
    """How many data sets were drawn."""

    def as_json(self) -> dict[str, Any]:
        """The same names; dates as ISO text."""
        return plain(asdict(self))

    @property
    def with_chance(self) -> list[TargetCheck]:
        """The targets for which chance is known."""
        return [target for target in self.targets if not target.note]


def predictive_checks(run_data: RunData) -> PredictiveChecks | None:
    """The checks of the best set so far; None for a run without one, or without stored values."""
    best = next(iter(run_data.ranked), None)
    targets = targets_of(run_data.run)
    width = max((target.stop for target in targets), default=0)
    if best is None or not width:
        return None
    runs = runs_of(best, run_data.replicates, width)
    return checks_of(targets, runs, filtered=is_of_filter(run_data.run.spec)) if len(runs.values) else None


def checks_of(targets: Sequence[TargetData], runs: Runs, *, filtered: bool = False) -> PredictiveChecks:
    """The checks of `runs`, the same at each call. `filtered`: runs of a particle filter, which have seen the data."""
    seed = runs.candidate.search.number
    at_best = [target.at(runs.nuisance) for target in targets]
    parts = [_part(target, runs.values, seed, filtered=filtered) for target in at_best if target.has_unit]
    noisy = [part for part in parts if not part.note and len(part.places)]
    confidence = 1 - (1 - CHANCE) / max(len(noisy), 1)
    pairs = _data_sets(noisy)
    chance = {id(part): _by_chance(part, pairs, seed) for part in noisy}
    found = [_check(part, chance.get(id(part)), confidence) for part in parts]
    return PredictiveChecks(
        trial=seed,
        phase=runs.phase,
        runs=len(runs.values),
        targets=tuple(found),
        together=_together([check for check in found if not check.note], list(chance.values())),
        data_sets=len(pairs),
    )


def pit_of(target: TargetData, drawn: Array, seed: int) -> Array:
    """PIT values of all observations of a target [observations], NaN without draws; the same for the same `seed`."""
    if not len(drawn):
        return np.full(target.observed.size, np.nan)
    return pit_values(target.observed, drawn, np.random.default_rng([seed, 2, crc32(target.name.encode())]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Part:
    """A target with what is predicted for its judged observations."""

    target: TargetData
    places: NDArray[np.intp]
    """The judged observations [n]."""
    predicted: Array
    """Draws of them, with noise where there is any [D, n]."""
    runs: int
    """How many runs the draws come from."""
    pit: Array
    """[n]."""
    note: str


def _part(target: TargetData, values: Array, seed: int, *, filtered: bool) -> _Part:
    simulated = values[:, target.start : target.stop]
    drawn = target.observable(simulated, seed)
    predicted = drawn if len(drawn) else target.in_observed_unit(simulated)
    judged = np.flatnonzero(np.isfinite(predicted).all(axis=0) & np.isfinite(target.observed))
    places = judged[_spread(len(judged), OBSERVATIONS)]
    return _Part(
        target=target,
        places=places,
        predicted=predicted[:, places],
        runs=len(values),
        pit=pit_of(target, drawn, seed)[places],
        note=_note(target, noisy=bool(len(drawn)), filtered=filtered),
    )


def _note(target: TargetData, *, noisy: bool, filtered: bool) -> str:
    if filtered:
        return "The runs of a particle filter have seen the data, so the bands about them are no predictions."
    if noisy:
        return ""
    if target.assumes_noise:
        why = target.not_stored or f"the values lie beyond what {target.loss} can be drawn for"
        return f"The observation noise is not drawn: {why}."
    return (
        f"The loss, {target.loss}, assumes no observation noise: the bands are those of the simulations alone, and observations"
        " with noise of their own need not lie in them."
    )


def _spread(count: int, most: int) -> NDArray[np.intp]:
    """At most `most` of `count` places, evenly spread."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.intp)


def _data_sets(parts: Sequence[_Part]) -> list[tuple[int, int]]:
    """(run, which of its draws) of each data set, the same for all targets; one run after the other, then their next draws."""
    if not parts:
        return []
    runs, draws = parts[0].runs, min(len(part.predicted) // part.runs for part in parts)
    one = sum(len(part.predicted) // part.runs * len(part.places) for part in parts)
    wanted = int(np.clip(COMPARED // max(one, 1), *DATA_SETS))
    chosen = _spread(runs, RUNS).tolist()
    return [(run, draw) for draw in range(draws) for run in chosen][:wanted]


def _by_chance(part: _Part, pairs: Sequence[tuple[int, int]], seed: int) -> ByChance:
    each = len(part.predicted) // part.runs
    kept = _spread(part.runs, RUNS)
    rows = (kept[:, None] * each + np.arange(each)).ravel()
    at = {run: index for index, run in enumerate(kept.tolist())}
    data_sets = np.array([at[run] * each + draw for run, draw in pairs], dtype=np.intp)
    rng = np.random.default_rng([seed, 3, crc32(part.target.name.encode())])
    return by_chance(part.predicted[rows], data_sets, len(kept), np.array(LEVELS), _bins(len(part.places)), rng)


def _bins(count: int) -> int:
    return 10 if count >= 50 else 5


def _check(part: _Part, chance: ByChance | None, confidence: float) -> TargetCheck:
    target, observed = part.target, part.target.observed[part.places]
    return TargetCheck(
        target=target.name,
        loss=target.loss,
        count=len(part.places),
        coverage=tuple(_coverage(at, observed, part.predicted, chance, confidence) for at in range(len(LEVELS))),
        largest=_largest(part, observed),
        pit=_histogram(part, chance),
        note=part.note if len(part.places) else part.note or "No observation was matched by all runs.",
    )


def _coverage(at: int, observed: Array, predicted: Array, chance: ByChance | None, confidence: float) -> Coverage:
    level = LEVELS[at]
    if chance is None:
        low, high = quantiles_of(predicted, ((1 - level) / 2, (1 + level) / 2))
        return Coverage(level=level, inside=int(((low <= observed) & (observed <= high)).sum()), count=len(observed))
    inside = int(is_inside(observed, predicted, level).sum())
    return _with_chance(level, inside, len(observed), chance.inside[:, at], chance.share[at], confidence)


def _with_chance(
    level: float, inside: int, count: int, by_data_set: NDArray[np.int64], share: Array, confidence: float
) -> Coverage:
    chance, independent = central_counts(by_data_set, confidence), independent_counts(share, confidence)
    return Coverage(
        level=level,
        inside=inside,
        count=count,
        chance_low=chance[0],
        chance_high=chance[1],
        independent_low=independent[0],
        independent_high=independent[1],
        chance_of_fewer=tail(inside, by_data_set, above=False),
        chance_of_more=tail(inside, by_data_set, above=True),
    )


def _histogram(part: _Part, chance: ByChance | None) -> PitHistogram | None:
    if chance is None or len(part.places) < BINNED:
        return None
    low, high = joint_band(chance.bins, CHANCE)
    counts = histogram(part.pit, _bins(len(part.places)))
    return PitHistogram(counts=tuple(counts.tolist()), low=tuple(low.tolist()), high=tuple(high.tolist()))


def _largest(part: _Part, observed: Array) -> tuple[Deviation, ...]:
    if not len(observed):
        return ()
    low, median, high = quantiles_of(part.predicted, (0.025, 0.5, 0.975))
    reach = np.where(observed > median, high - median, median - low)
    away = np.abs(observed - median)
    relative = np.where(away > 0, away / np.maximum(reach, 1e-300), 0.0)
    order = np.lexsort((-away, -relative))[:LARGEST]
    return tuple(
        Deviation(
            key={name: cells[int(part.places[at])] for name, cells in part.target.keys.items()},
            observed=float(observed[at]),
            median=float(median[at]),
            low=float(low[at]),
            high=float(high[at]),
            pit=float(part.pit[at]) if np.isfinite(part.pit[at]) and not part.note else None,
        )
        for at in order.tolist()
    )


def _together(checks: Sequence[TargetCheck], chances: Sequence[ByChance]) -> tuple[Coverage, ...]:
    if len(chances) < 2:
        return ()
    inside, share = sum(one.inside for one in chances), np.concatenate([one.share for one in chances], axis=1)
    count = sum(check.count for check in checks)
    return tuple(
        _with_chance(
            level, sum(check.at(level).inside for check in checks), count, np.asarray(inside)[:, at], share[at], CHANCE
        )
        for at, level in enumerate(LEVELS)
    )
