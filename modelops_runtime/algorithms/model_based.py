"""Samplers `tpe` and `gp`, as in Optuna, on a bounded selection of trials and with randomness drawn per trial.

TPE sees up to `history` trials in full, as in Optuna; beyond that the good ones and an even selection of the others, so that the
cost of an ask stops growing. The good ones are counted over all trials. Startup points are random.
Its cost and the alternatives: docs/decisions/tpe-history.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from modelops_runtime.algorithms.history import History, Turns, trial_of
from modelops_runtime.algorithms.randomness import derived_seed, generator
from modelops_runtime.contracts.parameters import Scalar, UniqueParameterSet
from modelops_runtime.contracts.space import ParameterSpace
from modelops_runtime.contracts.trial import TrialResult


class Sampler(Protocol):
    """Proposes parameters once enough trials have finished."""

    def propose(
        self, history: History, under_way: Mapping[int, Mapping[str, Scalar]], number: int, seed: int
    ) -> dict[str, Scalar]:
        """The parameters of trial `number`; all randomness comes from `seed`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    sampler: Literal["tpe", "gp"]
    n_startup_trials: int
    """Trials with a loss before the model is used; until then points are random."""
    history: int
    """At most so many trials are shown to the sampler."""
    multivariate: bool = True
    constant_liar: bool = True
    """Count trials under way as bad, so that they are not proposed twice."""
    n_ei_candidates: int = 24


class ModelSearch:
    """An AdaptiveAlgorithm that draws by trial number and knows the pending trials."""

    def __init__(self, space: ParameterSpace, seed: int, options: ModelOptions) -> None:
        self._space = space
        self._seed = seed
        self._options = options
        self._history = History()
        self._turns = Turns()
        self._sampler: Sampler | None = None

    def ask(self, n: int) -> list[UniqueParameterSet]:
        return [self._ask_one() for _ in range(n)]

    def tell(self, results: Sequence[TrialResult]) -> None:
        for result in results:
            number, _ = trial_of(result)
            self._history.add(result)
            self._turns.ended(number)

    def finished(self) -> bool:
        return False

    def at_trial(self, number: int, draw: int) -> None:
        self._turns.at(number, draw)

    def pending(self, sets: Sequence[tuple[int, UniqueParameterSet]]) -> None:
        self._turns.pending(sets)

    def _ask_one(self) -> UniqueParameterSet:
        startup = len(self._history.told) < self._options.n_startup_trials
        asked = self._startup_set(self._turns.draw) if startup else UniqueParameterSet.of(self._sampled())
        self._turns.asked(asked)
        return asked

    def _startup_set(self, draw: int) -> UniqueParameterSet:
        return self._space.at(generator(self._seed, "startup", draw).random(len(self._space.parameters)).tolist())

    def _sampled(self) -> dict[str, Scalar]:
        if self._sampler is None:
            self._sampler = _sampler(self._space, self._options)
        seed = derived_seed(self._seed, self._options.sampler, self._turns.draw)
        under_way = self._turns.under_way if self._options.constant_liar else {}
        return self._sampler.propose(self._history, under_way, self._turns.number, seed)


def _sampler(space: ParameterSpace, options: ModelOptions) -> Sampler:
    if options.sampler == "gp":
        from modelops_runtime.algorithms.gp import GpSampler

        return GpSampler(space, limit=options.history)
    from modelops_runtime.algorithms.tpe import TpeSampler

    return TpeSampler(
        space, limit=options.history, multivariate=options.multivariate, candidates=options.n_ei_candidates
    )
