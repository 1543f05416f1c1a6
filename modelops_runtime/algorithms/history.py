"""The results that an algorithm was told, and the bounded selection of them that a sampler sees."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from modelops_runtime.contracts.parameters import Scalar, UniqueParameterSet
from modelops_runtime.contracts.trial import TrialResult


@dataclass(frozen=True, slots=True)
class Told:
    """A trial with a loss."""

    number: int
    params: Mapping[str, Scalar]
    loss: float


class History:
    """Trials in the order in which they were told. Results without a loss are ignored."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self._by_loss: list[tuple[float, int, int]] = []
        self._numbers: list[int] = []
        """Of the trials of `told`."""

    def add(self, result: TrialResult) -> Told | None:
        """Add a result; returns its trial if it has a loss. Raises ValueError if the result does not name its trial."""
        number, params = trial_of(result)
        if result.loss is None:
            return None
        told = Told(number, params, result.loss)
        insort(self._by_loss, (told.loss, told.number, len(self.told)))
        self.told.append(told)
        self._numbers.append(number)
        return told

    def selection(self, limit: int, good: int) -> list[Told]:
        """All trials, or `limit` of them: the `good` best and evenly spaced others, in the order told.

        Sorted by trial number. Apart from sorting `limit` trials, the cost does not grow with their count.
        """
        best, others = self.split(limit, good)
        return [self.told[place] for place in sorted(best + others, key=self._numbers.__getitem__)]

    def split(self, limit: int, good: int) -> tuple[list[int], list[int]]:
        """The indices in `told` of the `selection`: its `good` best and its others, each sorted by trial number."""
        total = len(self.told)
        best = {place for _, _, place in self._by_loss[:good]}
        room = limit - len(best)
        places = range(total) if total <= limit else {step * total // room for step in range(room)}
        others = (place for place in places if place not in best)
        number = self._numbers.__getitem__
        return sorted(best, key=number), sorted(others, key=number)


def good_count(total: int) -> int:
    """How many of `total` trials TPE counts as good: a tenth, at most 25 (Optuna's rule)."""
    return min(math.ceil(0.1 * total), 25)


def trial_of(result: TrialResult) -> tuple[int, Mapping[str, Scalar]]:
    """The trial number and the searched parameters in a result's diagnostics. Raises ValueError."""
    number, params = result.diagnostics.get("trial"), result.diagnostics.get("params")
    if not isinstance(number, int) or not isinstance(params, Mapping):
        raise ValueError(f"the result of {result.param_id} has no `trial` and `params` in its diagnostics")
    return number, cast(Mapping[str, Scalar], params)


class Turns:
    """The next trial and draw, and the running trials: as the runner reports them, or else counted here."""

    def __init__(self) -> None:
        self.number = 0
        self.draw = 0
        self.under_way: dict[int, Mapping[str, Scalar]] = {}

    def at(self, number: int, draw: int) -> None:
        self.number, self.draw = number, draw

    def pending(self, sets: Sequence[tuple[int, UniqueParameterSet]]) -> None:
        self.under_way = {number: set_.params for number, set_ in sets}

    def asked(self, set_: UniqueParameterSet) -> None:
        """Record a proposal as running until the runner reports otherwise, and advance to the next draw."""
        self.under_way[self.number] = set_.params
        self.number += 1
        self.draw += 1

    def ended(self, number: int) -> None:
        self.under_way.pop(number, None)
