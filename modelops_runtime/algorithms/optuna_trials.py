"""Trials and parameters as Optuna's own objects, without its copies."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.pruners import NopPruner
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from modelops_runtime.algorithms.history import Told
from modelops_runtime.algorithms.optuna_space import Varied, to_optuna
from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.space import ChoiceParameter, IntegerParameter, Parameter, ParameterSpace


def distribution_of(parameter: Parameter) -> BaseDistribution:
    """The Optuna distribution of a parameter."""
    if isinstance(parameter, ChoiceParameter):
        return CategoricalDistribution(tuple(range(parameter.count)))
    if isinstance(parameter, IntegerParameter) and parameter.scale == "linear":
        return IntDistribution(0, parameter.count - 1)
    return FloatDistribution(0.0, 1.0)


class TrialSelection(InMemoryStorage):
    """A storage that holds only the trials a sampler shall see; attributes that a sampler sets are dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.trials: list[FrozenTrial] = []
        self._study = self.create_new_study([StudyDirection.MINIMIZE], "search")

    def study(self, sampler: BaseSampler) -> Study:
        return Study("search", self, sampler=sampler, pruner=NopPruner())

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        return [trial for trial in self.trials if states is None or trial.state in states]

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        return None


class Translator(Varied):
    """Told and pending trials as FrozenTrials, each created once."""

    def __init__(self, space: ParameterSpace) -> None:
        super().__init__(space)
        self.distributions = {parameter.name: distribution_of(parameter) for parameter in self.parameters}
        self._finished: dict[int, FrozenTrial] = {}
        self._running: dict[int, FrozenTrial] = {}

    def finished(self, told: Iterable[Told]) -> list[FrozenTrial]:
        return [self._finished.get(t.number) or self._finish(t) for t in told]

    def running(self, under_way: Mapping[int, Mapping[str, Scalar]]) -> list[FrozenTrial]:
        self._running = {
            number: self._running.get(number) or self._frozen(number, params, TrialState.RUNNING, None)
            for number, params in under_way.items()
        }
        return list(self._running.values())

    def asked(self, number: int) -> FrozenTrial:
        """The trial that is being asked for, with nothing in it yet."""
        return self._frozen(number, None, TrialState.RUNNING, None)

    def _finish(self, told: Told) -> FrozenTrial:
        # Optuna only orders losses, and would drop a trial with an infinite one.
        loss = told.loss if math.isfinite(told.loss) else 1.7e308
        frozen = self._finished[told.number] = self._frozen(told.number, told.params, TrialState.COMPLETE, loss)
        return frozen

    def _frozen(
        self, number: int, params: Mapping[str, Scalar] | None, state: TrialState, loss: float | None
    ) -> FrozenTrial:
        inner = {} if params is None else {p.name: to_optuna(p, params[p.name]) for p in self.parameters}
        return FrozenTrial(
            number=number,
            trial_id=number,
            state=state,
            value=loss,
            datetime_start=None,
            datetime_complete=None,
            params=inner,
            distributions={} if params is None else self.distributions,
            user_attrs={},
            system_attrs={},
            intermediate_values={},
        )
