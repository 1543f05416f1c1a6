"""A strategy that has converged starts again elsewhere with twice the population, and a replay does the same."""

from __future__ import annotations

from collections import Counter

from modelops_runtime.contracts.algorithm import AdaptiveAlgorithm, RemembersTrials
from modelops_runtime.contracts.parameters import UniqueParameterSet
from modelops_runtime.contracts.trial import TrialResult
from tests.unit.algorithms.searches import REALS, made


def tell_flat(algorithm: AdaptiveAlgorithm, number: int, asked: UniqueParameterSet) -> None:
    """On a flat loss a strategy has nowhere to go, and stops."""
    algorithm.tell([TrialResult(asked.param_id, 1.0, {"trial": number, "params": dict(asked.params)})])


def test_a_stopped_strategy_starts_again_with_twice_the_population_live_and_replayed():
    live, again = made("cmaes-small", REALS), made("cmaes-small", REALS)
    assert isinstance(live, RemembersTrials)
    assert isinstance(again, RemembersTrials)
    generations = []
    for number in range(150):
        asked = live.ask(1)[0]
        state = live.state_of(number)
        assert state is not None
        generations.append(state["generation"])
        tell_flat(live, number, asked)
        again.restore(number, state)
        tell_flat(again, number, asked)

    sizes = list(Counter(generations).values())[:-1]
    first = sizes.count(4)
    assert 0 < first < len(sizes)
    assert sizes == [4] * first + [8] * (len(sizes) - first)

    again.at_trial(150, 150)
    assert again.ask(8) == live.ask(8)
