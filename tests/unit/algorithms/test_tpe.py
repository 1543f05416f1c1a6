"""The sampler `tpe` is Optuna's, told of more than it is shown."""

from __future__ import annotations

import itertools
import random
import warnings
from collections.abc import Mapping

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from modelops_runtime.algorithms.history import History, good_count
from modelops_runtime.algorithms.optuna_space import Varied
from modelops_runtime.algorithms.tpe import TpeSampler
from modelops_runtime.contracts.parameters import Scalar, UniqueParameterSet
from modelops_runtime.contracts.space import ParameterSpace
from modelops_runtime.contracts.trial import TrialResult
from tests.unit.algorithms.searches import MIXED, REALS, loss_of, made, random_set, search


def told(history: History, count: int, space: ParameterSpace = MIXED) -> None:
    for number in range(count):
        history.add(result_of(number, random_set(space, number)))


def result_of(number: int, asked: UniqueParameterSet) -> TrialResult:
    return TrialResult(asked.param_id, loss_of(asked.params), {"trial": number, "params": dict(asked.params)})


def by_optuna(
    history: History, limit: int, under_way: Mapping, seed: int, *, multivariate: bool
) -> Mapping[str, Scalar]:
    """What the public sampler proposes when it is shown what `TpeSampler` is."""
    varied, good = Varied(MIXED), good_count(len(history.told))
    with pytest.warns(FutureWarning, match="gamma"):
        sampler = optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=0, multivariate=multivariate, gamma=lambda _: good
        )
    study, space = optuna.create_study(sampler=sampler), varied.distributions

    def trial(params, value, state):
        numbers = dict(zip(space, varied.row(params), strict=True))
        inner = {name: space[name].to_external_repr(number) for name, number in numbers.items()}
        study.add_trial(create_trial(state=state, value=value, params=inner, distributions=space))

    for shown in history.shown(limit, good):
        trial(shown.params, shown.loss, TrialState.COMPLETE)
    for params in under_way.values():
        trial(params, None, TrialState.RUNNING)
    study.ask()
    asked = study.trials[-1]
    if multivariate:
        return varied.values(sampler.sample_relative(study, asked, space))
    return varied.values({name: sampler.sample_independent(study, asked, name, space[name]) for name in space})


@pytest.mark.parametrize("multivariate", [True, False])
@pytest.mark.parametrize("count", [1, 40, 120])
def test_it_proposes_what_optunas_sampler_does_bit_for_bit(count, multivariate):
    history, limit = History(), 50
    told(history, count)
    under_way = {count + i: random_set(MIXED, count + i).params for i in range(3)}
    ours = TpeSampler(MIXED, limit=limit, multivariate=multivariate, candidates=24)
    for seed, running in itertools.product(range(4), ({}, under_way)):
        expected = by_optuna(history, limit, running, seed, multivariate=multivariate)
        assert ours.propose(history, running, count + 3, seed) == expected


def test_ten_thousand_told_trials_are_thinned_and_the_best_of_all_lead():
    live, again, history = made("tpe", REALS), made("tpe", REALS), History()
    results = [result_of(number, random_set(REALS, number)) for number in range(10_000)]
    random.Random(1).shuffle(results)
    for result in results:
        live.tell([result])
        history.add(result)
    again.tell(results)

    proposed = live.ask(5)
    assert proposed == again.ask(5)

    losses = sorted(result.loss for result in results if result.loss is not None)
    shown = history.shown(200, good_count(10_000))
    assert len(shown) <= 200
    assert sorted(trial.loss for trial in shown)[:25] == losses[:25]
    assert [trial.number for trial in shown] == sorted({trial.number for trial in shown})
    assert all(loss_of(asked.params) < losses[1_000] for asked in proposed)


def test_the_thinned_trials_are_spread_over_the_whole_search():
    history = History()
    told(history, 2_000, REALS)
    numbers = [trial.number for trial in history.shown(200, 25)]
    assert all(any(start <= number < start + 50 for number in numbers) for start in range(0, 2_000, 50))


def test_asking_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search(made("tpe"), 15)
        search(made("tpe-independent"), 15)


def test_a_space_of_single_values_has_one_set():
    single = ParameterSpace(tuple(type(p)(name=p.name, low=p.low, high=p.low) for p in REALS.parameters))
    sampler = TpeSampler(single, limit=50, multivariate=True, candidates=24)
    history = History()
    told(history, 3, single)
    assert sampler.propose(history, {}, 3, 1) == {"x": -3.0, "y": 1e-3}
