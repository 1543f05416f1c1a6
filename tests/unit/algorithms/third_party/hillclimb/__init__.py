"""Random steps around the best point so far. Written against the contracts alone."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from modelops_runtime.contracts.algorithm import AdaptiveAlgorithm
from modelops_runtime.contracts.parameters import UniqueParameterSet
from modelops_runtime.contracts.space import ParameterSpace, RealParameter
from modelops_runtime.contracts.trial import TrialResult


class HillClimb:
    def __init__(self, space: ParameterSpace, seed: int, step: float) -> None:
        self.space = space
        self.random = random.Random(seed)
        self.step = step
        self.best: tuple[float, Mapping[str, object]] | None = None

    def ask(self, n: int) -> list[UniqueParameterSet]:
        return [UniqueParameterSet.of({p.name: self._value(p) for p in self.space.parameters}) for _ in range(n)]

    def tell(self, results: Sequence[TrialResult]) -> None:
        for result in results:
            if result.loss is not None and (self.best is None or result.loss < self.best[0]):
                self.best = (result.loss, result.diagnostics["params"])  # type: ignore[assignment]

    def finished(self) -> bool:
        return False

    def _value(self, parameter: RealParameter) -> float:
        middle = self.best[1][parameter.name] if self.best else (parameter.low + parameter.high) / 2
        value = middle + self.random.gauss(0, self.step) * (parameter.high - parameter.low)
        return min(max(value, parameter.low), parameter.high)


def create(space: ParameterSpace, seed: int, options: Mapping[str, object]) -> AdaptiveAlgorithm:
    if unknown := sorted(set(options) - {"step"}):
        raise ValueError(f"hillclimb has no option {unknown[0]!r}; its options are step")
    return HillClimb(space, seed, float(options.get("step", 0.1)))  # type: ignore[arg-type]
