"""The sampler `tpe` proposes what Optuna's does, whichever is installed, and is told of more than it is shown."""

from __future__ import annotations

import itertools
import random
import warnings
from collections.abc import Mapping

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from modelops_runtime.algorithms.history import History, good_count
from modelops_runtime.algorithms.optuna_trials import Translator
from modelops_runtime.algorithms.tpe import TpeSampler
from modelops_runtime.contracts.parameters import Scalar, UniqueParameterSet
from modelops_runtime.contracts.space import IntegerParameter, ParameterSpace, RealParameter
from modelops_runtime.contracts.trial import TrialResult
from tests.unit.algorithms.searches import MIXED, REALS, loss_of, made, random_set, search


def told(history: History, count: int, space: ParameterSpace = MIXED) -> None:
    for number in range(count):
        history.add(result_of(number, random_set(space, number)))


def result_of(number: int, asked: UniqueParameterSet) -> TrialResult:
    return TrialResult(asked.param_id, loss_of(asked.params), {"trial": number, "params": dict(asked.params)})


def by_optuna(
    space: ParameterSpace, history: History, limit: int, under_way: Mapping, seed: int, *, multivariate: bool = True
) -> Mapping[str, Scalar]:
    """What the public sampler proposes when it is shown what `TpeSampler` is."""
    varied, good = Translator(space), good_count(len(history.told))
    with pytest.warns(FutureWarning, match="gamma"):
        sampler = optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=0, multivariate=multivariate, gamma=lambda _: good
        )
    study, spaces = optuna.create_study(sampler=sampler), varied.distributions

    def trial(params, value, state):
        numbers = dict(zip(spaces, varied.row(params), strict=True))
        inner = {name: spaces[name].to_external_repr(number) for name, number in numbers.items()}
        study.add_trial(create_trial(state=state, value=value, params=inner, distributions=spaces))

    for shown in history.selection(limit, good):
        trial(shown.params, shown.loss, TrialState.COMPLETE)
    for params in under_way.values():
        trial(params, None, TrialState.RUNNING)
    study.ask()
    asked = study.trials[-1]
    if multivariate:
        return varied.values(sampler.sample_relative(study, asked, spaces))
    return varied.values({name: sampler.sample_independent(study, asked, name, spaces[name]) for name in spaces})


@pytest.mark.parametrize("multivariate", [True, False])
@pytest.mark.parametrize("count", [1, 40, 120])
def test_it_proposes_what_optunas_sampler_does_bit_for_bit(count, multivariate):
    history, limit = History(), 50
    told(history, count)
    under_way = {count + i: random_set(MIXED, count + i).params for i in range(3)}
    ours = TpeSampler(MIXED, limit=limit, multivariate=multivariate, candidates=24)
    for seed, running in itertools.product(range(4), ({}, under_way)):
        expected = by_optuna(MIXED, history, limit, running, seed, multivariate=multivariate)
        assert ours.propose(history, running, count + 3, seed) == expected


def reals(count: int) -> ParameterSpace:
    return ParameterSpace(tuple(RealParameter(name=f"x{i:02}", low=-1.0, high=2.0) for i in range(count)))


SPACES = {
    "four real numbers": reals(4),
    "so many that Optuna computes erf otherwise, and numpy adds otherwise": reals(12),
    "whole numbers": ParameterSpace(
        (IntegerParameter(name="few", low=0, high=4), IntegerParameter(name="many", low=0, high=10_000))
    ),
}


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_so_it_does_in_a_long_search_that_comes_near_to_a_point(space):
    """Kernels get narrow: most limits lie far out in the tails."""
    history = History()
    ours = TpeSampler(space, limit=200, multivariate=True, candidates=24)
    told(history, 40, space)
    for number in range(40, 260):
        proposed = UniqueParameterSet.of(ours.propose(history, {}, number, number))
        if number % 20 == 0 or number > 255:
            assert proposed.params == by_optuna(space, history, 200, {}, number)
        history.add(result_of(number, proposed))


def test_so_it_does_where_the_best_lie_on_a_bound():
    history, space = History(), reals(3)
    for number in range(60):
        params = dict(random_set(space, number).params) | {"x00": (-1.0, 2.0)[number % 2], "x01": 2.0}
        history.add(result_of(number, UniqueParameterSet.of(params)))
    ours = TpeSampler(space, limit=200, multivariate=True, candidates=24)
    for seed in range(8):
        assert ours.propose(history, {}, 60, seed) == by_optuna(space, history, 200, {}, seed)


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
    shown = history.selection(200, good_count(10_000))
    assert len(shown) <= 200
    assert sorted(trial.loss for trial in shown)[:25] == losses[:25]
    assert [trial.number for trial in shown] == sorted({trial.number for trial in shown})
    assert all(loss_of(asked.params) < losses[1_000] for asked in proposed)


def test_the_thinned_trials_are_spread_over_the_whole_search():
    history = History()
    told(history, 2_000, REALS)
    numbers = [trial.number for trial in history.selection(200, 25)]
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
