"""Sampler `cmaes`: CMA-ES by the package `cmaes`, which Optuna's sampler of that name uses too, without pickled state.

Source: N. Hansen, The CMA Evolution Strategy: A Tutorial (2016). The state kept of a trial is its point and its
generation, so the strategy can be rebuilt from the ledger: a generation ends when as many of its trials have results
as the population has members, in the order of the results; later ones are ignored. Choices are drawn at random, as in
Optuna. A converged strategy restarts elsewhere with twice the population (Auger and Hansen, IPOP-CMA-ES, 2005).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from modelops_runtime.algorithms.history import Turns, trial_of
from modelops_runtime.algorithms.randomness import derived_seed, generator
from modelops_runtime.contracts.parameters import UniqueParameterSet
from modelops_runtime.contracts.space import ChoiceParameter, ParameterSpace
from modelops_runtime.contracts.trial import TrialResult

if TYPE_CHECKING:
    from cmaes import CMA


@dataclass(frozen=True, slots=True, kw_only=True)
class CmaOptions:
    popsize: int | None
    """Trials in a generation; None: 4 + 3 log(dimensions)."""
    sigma0: float
    """First step size, as a share of each parameter's range."""


class CmaSearch:
    """An AdaptiveAlgorithm that draws by trial number and stores {"generation": int, "x": [dimensions]} of each trial."""

    def __init__(self, space: ParameterSpace, seed: int, options: CmaOptions) -> None:
        self._space = space
        self._seed = seed
        self._options = options
        self._moved = [i for i, p in enumerate(space.parameters) if not isinstance(p, ChoiceParameter)]
        self._turns = Turns()
        self._states: dict[int, Mapping[str, Any]] = {}
        self._generation: list[tuple[np.ndarray, float]] = []
        self._generations = 0
        self._restarts = 0
        self._strategy: CMA | None = None

    def ask(self, n: int) -> list[UniqueParameterSet]:
        return [self._ask_one() for _ in range(n)]

    def tell(self, results: Sequence[TrialResult]) -> None:
        for result in results:
            number, _ = trial_of(result)
            state = self._states.get(number)
            if state is None or result.loss is None or state["generation"] != self._generations:
                continue
            # the strategy uses ranks only, and would turn an infinite loss into NaN
            loss = min(max(result.loss, -1.7e308), 1.7e308)
            self._generation.append((np.asarray(state["x"], dtype=float), loss))
            if len(self._generation) == self._cma().population_size:
                self._end_generation()

    def finished(self) -> bool:
        return False

    def at_trial(self, number: int, draw: int) -> None:
        self._turns.at(number, draw)

    def state_of(self, number: int) -> Mapping[str, object] | None:
        return self._states.get(number)

    def restore(self, number: int, state: Mapping[str, object]) -> None:
        x, dimensions = state.get("x"), max(len(self._moved), 1)
        numbers = [value for value in x if isinstance(value, int | float)] if isinstance(x, list) else []
        if len(numbers) != dimensions or not isinstance(state.get("generation"), int):
            raise ValueError(f"holds no generation, or no x of {dimensions} numbers")
        self._states[number] = state

    def _ask_one(self) -> UniqueParameterSet:
        number, draw = self._turns.number, self._turns.draw
        cma = self._cma()
        cma.reseed_rng(derived_seed(self._seed, "cmaes", draw))
        x: list[float] = cast(np.ndarray, cma.ask()).tolist()
        point = generator(self._seed, "cmaes-choices", draw).random(len(self._space.parameters)).tolist()
        for place, coordinate in zip(self._moved, x, strict=False):
            point[place] = coordinate
        asked = self._space.at(point)
        self._states[number] = {"generation": self._generations, "x": x}
        self._turns.asked(asked)
        return asked

    def _end_generation(self) -> None:
        cma = self._cma()
        cma.tell(self._generation)
        self._generation = []
        self._generations += 1
        if cma.should_stop():
            self._restarts += 1
            mean = generator(self._seed, "cmaes-restart", self._restarts).random(cma.dim)
            self._strategy = self._started(mean, 2 * cma.population_size)

    def _cma(self) -> CMA:
        if self._strategy is None:
            self._strategy = self._started(np.full(max(len(self._moved), 1), 0.5), self._options.popsize)
        return self._strategy

    def _started(self, mean: np.ndarray, popsize: int | None) -> CMA:
        from cmaes import CMA

        return CMA(
            mean=mean,
            sigma=self._options.sigma0,
            bounds=np.tile([0.0, 1.0], (len(mean), 1)),
            seed=derived_seed(self._seed, "cmaes-start", 0),
            n_max_resampling=10 * len(mean),
            population_size=popsize,
        )
