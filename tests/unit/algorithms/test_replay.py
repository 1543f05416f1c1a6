"""A replayed algorithm proposes what a live one would, bit for bit; and what it proposes lies in the space."""

from __future__ import annotations

import json

import pytest

from modelops_runtime.contracts.trial import TrialResult, TrialStatus
from tests.strategies import is_inside
from tests.unit.algorithms.searches import MIXED, OPTIONS, made, propose, replayed, search

GUESS = {"beta": 1.0, "choice": 1, "delay": 5, "ilog": 10, "mix": 0.5, "real": 0.0}


@pytest.mark.parametrize("at_once", [1, 4])
@pytest.mark.parametrize("kind", OPTIONS)
def test_replayed_at_every_point_it_proposes_what_the_live_one_did(kind, at_once):
    log = search(made(kind), 60, at_once=at_once, guesses=[GUESS])
    for number in range(1, 60):
        algorithm, pending = replayed(log, log.asked_after[number], made(kind))
        assert propose(algorithm, number, number - 1, pending) == log.proposed[number]


@pytest.mark.parametrize("kind", OPTIONS)
def test_another_seed_gives_another_search(kind):
    if kind == "grid":
        assert search(made(kind), 8).proposed == search(made(kind, seed=2), 8).proposed
    else:
        assert search(made(kind), 8).proposed != search(made(kind, seed=2), 8).proposed


@pytest.mark.parametrize("kind", OPTIONS)
def test_every_proposal_lies_in_the_space_with_values_of_its_kind(kind):
    for text in search(made(kind), 60).proposed.values():
        params = json.loads(text)["params"]
        assert list(params) == [parameter.name for parameter in MIXED.parameters]
        assert all(is_inside(parameter, params[parameter.name]) for parameter in MIXED.parameters)


@pytest.mark.parametrize("kind", OPTIONS)
def test_no_two_workers_with_the_same_knowledge_propose_the_same(kind):
    """Twelve draws made at once, before anything is known, are twelve different sets."""
    proposals = {propose(made(kind), draw, draw, {}) for draw in range(12)}
    assert len(proposals) == 12


@pytest.mark.parametrize("kind", OPTIONS)
def test_several_asked_at_once_are_different(kind):
    assert len({asked.param_id for asked in made(kind).ask(8)}) == 8


def test_a_failed_trial_without_a_loss_leaves_no_trace():
    live, other = made("tpe"), made("tpe")
    search(live, 20)
    search(other, 20)
    other.tell([TrialResult("x", None, {"trial": 20, "params": GUESS}, TrialStatus.FAILED)])
    assert propose(live, 21, 21, {}) == propose(other, 21, 21, {})


def test_what_is_under_way_changes_what_is_proposed_unless_the_liar_is_off():
    def proposals(kind: str) -> tuple[str, str]:
        live = made(kind)
        search(live, 40)
        alone = propose(live, 41, 41, {})
        crowd = {100 + i: json.dumps(json.loads(alone)["params"]) for i in range(20)}
        return alone, propose(live, 41, 41, crowd)

    alone, crowded = proposals("tpe")
    assert alone != crowded
    alone, crowded = proposals("tpe-no-liar")
    assert alone == crowded
