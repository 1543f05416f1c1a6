"""What is found wrong before anything runs, and what the ledger is told of the observations."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from modelops_runtime.evaluation.plan import TargetProblem, TargetProblems, plan_targets
from modelops_runtime.losses.loss import LossError
from tests.unit.evaluation.targets import ROOT, plan, target

DATA = {"day": [1, 2, 3], "cases": [10, 20, 30], "region": ["n", "n", "s"]}
EXACT = {"exact": "day"}


def problem(data, match, **more) -> TargetProblem:
    with pytest.raises(TargetProblems) as caught:
        plan(data, match, **more)
    (found,) = caught.value.problems
    return found


@pytest.mark.parametrize(
    ("match", "more", "path", "wrong"),
    [
        (EXACT, {"value": "casse"}, "targets.t.value", "no column 'casse' in data.csv"),
        ({"exact": "dya"}, {}, "targets.t.match", "no column 'dya' in data.csv"),
        ({"exact": "day", "by": ["age"]}, {}, "targets.t.match", "no column 'age' in data.csv"),
        (EXACT, {"value": "region"}, "targets.t.value", "column 'region' of data.csv holds string"),
        (
            {"interpolate": "region"},
            {},
            "targets.t.match",
            "column 'region' of data.csv holds text, which has no order",
        ),
        (EXACT, {"loss": {"kind": "binomial", "n": 20}}, "targets.t.loss.n", "30 was observed of n = 20"),
        (
            EXACT,
            {"loss": {"kind": "normal", "sigma": "region"}},
            "targets.t.loss.sigma",
            "no column of numbers 'region'",
        ),
        (EXACT, {"loss": "own_losses.py:worse"}, "targets.t.loss", "no function 'worse' in own_losses.py"),
        (EXACT, {"loss": "absent.py:worse"}, "targets.t.loss", "no file absent.py beside the spec"),
        (EXACT, {"loss": "absent.module:worse"}, "targets.t.loss", "No module named 'absent'"),
    ],
)
def test_a_mistake_is_at_its_key(match, more, path, wrong):
    found = problem(DATA, match, **more)
    assert found.path == path
    assert wrong in found.wrong


@pytest.mark.parametrize(
    ("cases", "wrong"),
    [([None, None, None], "holds no observation"), ([1.0, float("inf"), 2.0], "infinite observation")],
)
def test_observations_that_are_none_are_a_mistake(cases, wrong):
    data = {"day": [1, 2, 3], "cases": pa.array(cases, pa.float64())}
    assert wrong in problem(data, EXACT).wrong


def test_an_observation_without_its_key_is_a_mistake_unless_it_is_missing_itself():
    data = {"day": [1, None, None], "cases": [10, 20, None]}
    assert "1 observations in data.csv have no 'day'" in problem(data, EXACT).wrong


def test_likelihoods_and_distances_do_not_mix():
    targets = {
        "a": target(EXACT, loss="poisson"),
        "b": target(EXACT),
        "c": target(EXACT, loss={"kind": "normal", "sigma": 1}),
        "d": target(EXACT, loss="own_losses.py:worst"),
    }
    with pytest.raises(TargetProblems) as caught:
        plan_targets(targets, dict.fromkeys(targets, pa.table(DATA)), root=ROOT)
    assert [p.path for p in caught.value.problems] == ["targets.b.loss", "targets.d.loss"]


def test_mistakes_of_all_targets_are_shown_together():
    targets = {"a": target({"exact": "dya"}), "b": target(EXACT), "c": target(EXACT, value="x")}
    with pytest.raises(TargetProblems) as caught:
        plan_targets(targets, dict.fromkeys(targets, pa.table(DATA)), root=ROOT)
    assert [p.path for p in caught.value.problems] == ["targets.a.match", "targets.c.value"]


def test_a_function_of_ones_own_gets_values_observations_and_options():
    loss = {"function": "own_losses.py:worst", "options": {"factor": 2}}
    scorer = plan(DATA, EXACT, loss=loss).scorer
    score = scorer.score(np.array([[10.0, 20, 31], [10, 20, 37]]))
    assert score.loss == 8  # twice the error of the mean 34
    assert score.loss_se is not None


@pytest.mark.parametrize(("name", "text"), [("raises", "ZeroDivisionError: no luck"), ("nothing", "returned nan")])
def test_a_function_of_ones_own_that_fails_is_a_loss_error(name, text):
    scorer = plan(DATA, EXACT, loss=f"own_losses.py:{name}").scorer
    with pytest.raises(LossError, match=text):
        scorer.score(np.ones((2, 3)))


def test_a_function_of_ones_own_cannot_spoil_the_values():
    values = np.ones((2, 3))
    scorer = plan(DATA, EXACT, loss="own_losses.py:spoils").scorer
    scorer.score(values)
    assert values.all()
    assert scorer.targets[0].term.y.tolist() == [10, 20, 30]


def test_columns_of_the_loss_follow_the_observations_that_are_there():
    data = {"day": [1, 2, 3], "cases": pa.array([1, None, 3]), "se": [1.0, 0.0, 3.0]}
    term = plan(data, EXACT, loss={"kind": "normal", "sigma": "se"}).scorer.targets[0].term
    assert term.a.tolist() == [1, 3]


def test_observations_are_plain_json_with_their_place_in_the_vector():
    dated = {"day": ["1978-01-22", "1978-01-23"], "cases": pa.array([3, None])}
    targets = {"a": target({"exact": "day", "by": ["region"]}, weight=2.0), "b": target(EXACT, min_coverage=0.5)}
    made = plan_targets(targets, {"a": pa.table(DATA), "b": pa.table(dated)}, root=ROOT)
    told = made.observations().as_json()
    assert json.loads(json.dumps(told)) == told
    assert told["a"] == {
        "keys": {"day": [1, 2, 3], "region": ["n", "n", "s"]},
        "dates": [],
        "observed": [10, 20, 30],
        "weight": 2.0,
        "loss": "mean_signal",
        "family": "distance",
        "min_coverage": 1.0,
        "left_out": 0,
        "start": 0,
        "stop": 3,
    }
    assert told["b"]["keys"] == {"day": ["1978-01-22"]}
    assert (told["b"]["dates"], told["b"]["left_out"], told["b"]["start"], told["b"]["stop"]) == (["day"], 1, 3, 4)
    assert made.aligner.size == 4
