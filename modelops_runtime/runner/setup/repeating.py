"""Checks that a model is repeatable: the same set and seed, simulated again among others, must give the same values.

A single simulation shows neither state kept between calls nor noise that ignores the seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from itertools import pairwise

import numpy as np

from modelops_runtime.contracts.errors import ModelOpsError
from modelops_runtime.contracts.failures import FailureKind
from modelops_runtime.contracts.parameters import UniqueParameterSet
from modelops_runtime.contracts.simulation import ReplicateOutcome
from modelops_runtime.models.source import COMMAND_PATH, ENTRYPOINT_PATH
from modelops_runtime.runner.setup.preflight import first_set
from modelops_runtime.runner.setup.settings import SearchSettings
from modelops_runtime.simulation.seeds import seeds_for
from modelops_runtime.simulation.service import ReplicateService

_SEEDS = 4
_ELSEWHERE = (0.75, 0.25)
"""Coordinates of the other sets: each in every searched parameter, on its scale."""

_ROUND_OFF = 1e-9
"""Relative differences below this come from another order of summation."""

_OF_THE_MODEL = (FailureKind.MODEL_ERROR, FailureKind.BAD_OUTPUT)

Call = tuple[int, int]
"""(which set, which seed), 0 each for the first simulation of a run."""

AGAIN: tuple[Call, ...] = ((1, 0), (0, 0), (0, 1), (0, 0))
"""In a fresh process, so that the first set is seen first (before this), after another set, and after another seed."""

_OTHER_SEEDS: tuple[Call, ...] = ((0, 1), (0, 2), (0, 3), (1, 1), (2, 0), (2, 1))
"""Requested if two seeds gave equal values, in another fresh process: an epidemic may fail to start by chance."""


class RepeatCheck:
    """Requests `len(AGAIN)` simulations beside the run's own; a few more if a seed changed nothing.

    `first` is the outcome of the first set with its first seed. A simulation that fails or takes too long is ignored.
    """

    def __init__(self, settings: SearchSettings, service: ReplicateService, first: ReplicateOutcome) -> None:
        self._service = service
        self._replicates = settings.replicates
        self._sets = [first_set(settings), *(_at(settings, u) for u in _ELSEWHERE)]
        seeds = seeds_for(self._sets[0], range(_SEEDS), common=settings.common_random_numbers, run_seed=settings.seed)
        self._seeds = list(seeds.values())
        self._seen: dict[Call, list[ReplicateOutcome]] = {(0, 0): [first]}
        self._asked: Sequence[Call] = ()
        self._future: Future[Sequence[ReplicateOutcome]] | None = None
        self._ask(AGAIN)

    @property
    def is_over(self) -> bool:
        """Whether `warning` would return at once. Takes in the simulations that have ended."""
        while self._future is not None and self._future.done():
            self._take_in()
        return self._future is None

    def wait(self, seconds: float) -> None:
        """Wait until simulations end, for this many seconds at most."""
        if self._future is not None:
            wait([self._future], seconds)

    def warning(self) -> str:
        """A warning in one line, or empty. Waits for the simulations.

        Raises ModelOpsError if no other process can load the model any more.
        """
        while self._future is not None:
            self._take_in()
        if gone := _gone(self._seen):
            raise ModelOpsError(f"{gone}; the first simulation went well: does the model remove its own files?")
        return difference(self._seen) or unused_seed(self._seen, self._replicates)

    def _ask(self, calls: Sequence[Call]) -> None:
        self._asked = calls
        self._future = self._service.submit_in_turn([(self._sets[which], self._seeds[seed]) for which, seed in calls])

    def _take_in(self) -> None:
        assert self._future is not None
        future, self._future = self._future, None
        for call, outcome in zip(self._asked, future.result(), strict=True):
            self._seen.setdefault(call, []).append(outcome)
        if self._asked is AGAIN and not difference(self._seen) and _is_same(self._seen, (0, 0), (0, 1)):
            self._ask(_OTHER_SEEDS)


def _gone(seen: Mapping[Call, Sequence[ReplicateOutcome]]) -> str:
    """Why the fresh process could simulate nothing at all; empty when it could."""
    again = [*seen[0, 0][1:], *(outcome for call in AGAIN if call != (0, 0) for outcome in seen[call])]
    failures = {outcome.failure for outcome in again}
    (only,) = failures if len(failures) == 1 else (None,)
    return only.message if only is not None and only.path in (ENTRYPOINT_PATH, COMMAND_PATH) else ""


def difference(seen: Mapping[Call, Sequence[ReplicateOutcome]]) -> str:
    """How simulations of one set with one seed differ; empty when they do not."""
    for outcomes in seen.values():
        given = [outcome for outcome in outcomes if outcome.failure is None]
        for one, other in pairwise(given):
            if said := _difference(_values(one), _values(other)):
                return said
        failed = next((o.failure for o in outcomes if o.failure and o.failure.kind in _OF_THE_MODEL), None)
        if given and failed:
            return f"{_DIFFERS} (one simulation gave values; the same again failed: {failed.message})"
    return ""


_DIFFERS = "the model differs with the same seed: state is kept between calls, or noise that the seed does not reach"


def _difference(one: np.ndarray, other: np.ndarray) -> str:
    if _same(one, other):
        return ""
    if one.shape == other.shape and np.allclose(one, other, rtol=_ROUND_OFF, atol=0.0, equal_nan=True):
        return (
            "the model differs with the same seed in the last digits, as sums do in another order (threads?): "
            "the answer stands, but replay will call its output different"
        )
    at = int(np.argmax(~((one == other) | (np.isnan(one) & np.isnan(other)))))
    return f"{_DIFFERS} (value {at + 1} of {len(one)}: {one[at]:.6g}, then {other[at]:.6g})"


def unused_seed(seen: Mapping[Call, Sequence[ReplicateOutcome]], replicates: int) -> str:
    """Whether no seed changed anything, at any set, though the values do vary; empty when one did, or too little is known."""
    by_set: dict[int, dict[int, np.ndarray]] = {}
    for (which, seed), outcomes in seen.items():
        for outcome in outcomes:
            if outcome.failure is None:
                by_set.setdefault(which, {})[seed] = _values(outcome)
    if len(by_set.get(0, {})) < _SEEDS:
        return ""
    firsts = [next(iter(of_seeds.values())) for of_seeds in by_set.values()]
    if any(
        not _same(first, v) for first, of_seeds in zip(firsts, by_set.values(), strict=True) for v in of_seeds.values()
    ):
        return ""
    if len(np.unique(np.concatenate(firsts))) == 1:
        return ""  # one number everywhere, such as an epidemic that died out each time
    enough = f", for which one replicate is enough (search.replicates is {replicates})" if replicates > 1 else ""
    simulations = sum(map(len, seen.values()))
    return (
        f"the seed changes nothing (in {simulations} simulations): right for a deterministic model{enough}; "
        "wrong where noise is to follow the seed"
    )


def _is_same(seen: Mapping[Call, Sequence[ReplicateOutcome]], one: Call, other: Call) -> bool:
    given = [outcome for call in (one, other) for outcome in seen[call][:1] if outcome.failure is None]
    return len(given) == 2 and _same(*map(_values, given))


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return np.array_equal(one, other, equal_nan=True)


def _values(outcome: ReplicateOutcome) -> np.ndarray:
    return np.frombuffer(outcome.aligned, "<f8")


def _at(settings: SearchSettings, u: float) -> UniqueParameterSet:
    parameters = settings.space.parameters
    return UniqueParameterSet.of({**settings.fixed, **settings.space.at([u] * len(parameters)).params})
