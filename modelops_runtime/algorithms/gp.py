"""Optuna's Gaussian process on a bounded selection of trials."""

from __future__ import annotations

from collections.abc import Mapping

import optuna

from modelops_runtime.algorithms.history import History, good_count
from modelops_runtime.algorithms.optuna_trials import Translator, TrialSelection
from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.space import ParameterSpace


class GpSampler:
    """Proposes from at most `limit` told trials."""

    def __init__(self, space: ParameterSpace, *, limit: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._translator = Translator(space)
        self._selection = TrialSelection()
        self._limit = limit

    def propose(
        self, history: History, under_way: Mapping[int, Mapping[str, Scalar]], number: int, seed: int
    ) -> dict[str, Scalar]:
        """The parameters of trial `number`, away from those `under_way`."""
        if not self._translator.parameters:
            return self._translator.values({})
        told = history.selection(self._limit, good_count(len(history.told)))
        self._selection.trials = self._translator.finished(told) + self._translator.running(under_way)
        sampler = optuna.samplers.GPSampler(seed=seed, n_startup_trials=0)
        study = self._selection.study(sampler)
        trial = self._translator.asked(number)
        return self._translator.values(sampler.sample_relative(study, trial, self._translator.distributions))
