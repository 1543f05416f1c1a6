"""The identity of a parameter set, and the values that travel."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from hypothesis import given

from modelops_runtime.contracts import errors
from modelops_runtime.contracts.failures import BadOutput, Failure, FailureKind, SimulationError
from modelops_runtime.contracts.parameters import UniqueParameterSet, canonical_json, param_id
from modelops_runtime.contracts.space import ParameterSpace, RealParameter
from modelops_runtime.contracts.trial import DIAGNOSTICS_LIMIT, TrialResult, TrialStatus, bounded_diagnostics
from tests.strategies import parameter_sets

VECTORS = [
    ({}, "02a98351d516148f91f93bb0ce4b4cb6468cb40e04263fb6f257e9ba37365b44"),
    ({"a": 1}, "944ed7a1f4ad1421509cf40db72b5a24e5a59bdf19121fb6ad971fbf8115c54f"),
    ({"a": 1.0}, "a7d4858bacf49b91dd7aa9e2379e0f60b104f10262028bd8c9f03954b7c95fad"),
    ({"a": True}, "827be60853d4ffe0b65531d386ff819d10b50ff43fd27c4368f8f5ce6144f3a2"),
    ({"a": "1"}, "19844c01062639a3e27c2d0245d5641b78ded852b18d9f756ae6cf8bb0ab18cd"),
    ({"a": 0.1 + 0.2}, "27a709bb80185c7ebdfc0b17f2c03f41e5c99e6abb3c24045ef725084888d65a"),
    ({"a": 2**63}, "0c46561e984a4a3c1ff3377baadc2a8e1c212d12f62412e5f1126119db39a46c"),
    (
        {"learning_rate": 0.01, "batch_size": 32},
        "38b8bc3f7eb0d25175d156ce77a518329331ae1a05bd77324acc3f504d9539e0",
    ),
    ({"b": 2, "a": 1}, "eb7d1fa2a9dd6bf27836074d2c8b0f17e36b73c35f11e7e86604fc5d930fc553"),
    ({"é": "ü"}, "05dd075bbe90b931a5b3a28e772db0d8848c376d4805c0e1b46780692699a06a"),
]
SAMPLES = [
    errors.ModelOpsError("a"),
    errors.UserError("a"),
    errors.SpecError("adaptive.yaml:1:2", "low is 2", "low must be below high"),
    errors.SpecErrors(errors.SpecError("a:1:1", "x", "y"), errors.SpecError("a:2:1", "x", "y")),
    errors.Unreachable("a"),
    errors.LedgerError("a"),
    errors.NotLetIn("a"),
    errors.LeaseLost("a"),
    errors.ConflictingResult("a"),
    errors.RunDiffers("run", (errors.RunDifference("model", "1", "2"),)),
    errors.ModelChanged("big.npy", "model"),
    errors.RunFailed("a"),
    errors.AlgorithmUnavailable("there is no algorithm x", "installed are y"),
    errors.AlgorithmError("a"),
    SimulationError(Failure(FailureKind.TIMEOUT, "30 s are over")),
    BadOutput("no table 'x'", "targets.in_bed.output"),
]


@pytest.mark.parametrize(("params", "expected"), VECTORS)
def test_param_id_agrees_with_the_public_contract(params, expected):
    assert param_id(params) == expected


@given(parameter_sets)
def test_param_id_does_not_depend_on_key_order(params):
    assert param_id(dict(reversed(params.items()))) == param_id(params)


@given(parameter_sets)
def test_a_set_read_back_from_json_is_the_same_set(params):
    assert param_id(json.loads(canonical_json(params))) == param_id(params)


@given(parameter_sets)
def test_a_set_is_a_copy_in_the_order_of_its_names(params):
    made = UniqueParameterSet.of(params)
    params["new"] = 1
    assert list(made.params) == sorted(made.params)
    assert made.param_id == param_id(made.params)


def test_zero_and_minus_zero_are_two_sets():
    assert param_id({"a": 0.0}) != param_id({"a": -0.0})


def test_a_numpy_float64_is_the_float_it_equals():
    assert param_id({"a": np.float64(0.1)}) == param_id({"a": 0.1})


@pytest.mark.parametrize("value", [np.float32(0.5), np.int64(1), np.bool_(True), None, {1}, b"a", 1j])
def test_what_is_no_plain_scalar_is_refused_by_its_name(value):
    with pytest.raises(TypeError, match=r"params\.a is a \w+; parameters are bool, int, float or str"):
        param_id({"a": value})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_not_finite_is_refused(value):
    with pytest.raises(ValueError, match="finite"):
        param_id({"nested": [{"a": value}]})


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling_with_its_text(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)


def test_every_error_of_the_tree_has_a_sample():
    tree = {cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, Exception)}
    assert tree <= {type(error) for error in SAMPLES}


def test_a_mistake_of_the_users_ends_with_exit_code_2_and_a_failure_with_1():
    assert {type(e).__name__: e.exit_code for e in SAMPLES if isinstance(e, errors.ModelOpsError)} == {
        "ModelOpsError": 1,
        "UserError": 2,
        "SpecError": 2,
        "SpecErrors": 2,
        "Unreachable": 1,
        "LedgerError": 1,
        "NotLetIn": 1,
        "LeaseLost": 1,
        "ConflictingResult": 1,
        "RunDiffers": 2,
        "ModelChanged": 1,
        "RunFailed": 1,
        "AlgorithmUnavailable": 2,
        "AlgorithmError": 1,
    }


@pytest.mark.parametrize("loss", [None, float("nan"), float("inf")])
def test_a_completed_trial_without_a_finite_loss_is_refused(loss):
    with pytest.raises(ValueError, match="finite loss"):
        TrialResult("id", loss)


@pytest.mark.parametrize("status", [TrialStatus.PENDING, TrialStatus.LEASED])
def test_a_trial_that_has_not_ended_has_no_result(status):
    with pytest.raises(ValueError, match="COMPLETED, FAILED or TIMEOUT"):
        TrialResult("id", 1.0, {}, status)


@pytest.mark.parametrize("status", [TrialStatus.FAILED, TrialStatus.TIMEOUT])
@pytest.mark.parametrize("loss", [None, 3.0])
def test_a_failed_trial_has_an_imputed_loss_or_none(status, loss):
    assert TrialResult("id", loss, {}, status).loss == loss


def test_small_diagnostics_are_kept_as_they_are():
    assert bounded_diagnostics({"a": 1, "b": [1, 2]}) == {"a": 1, "b": [1, 2]}


def test_large_diagnostics_are_cut_in_order_with_a_note_of_what_is_left_out():
    kept = bounded_diagnostics({"first": 1, "big": "é" * DIAGNOSTICS_LIMIT, "last": 2})
    assert kept["first"] == 1
    assert kept["last"] == 2
    assert "big" not in kept
    assert "1 entries" in str(kept["cut"])
    assert "big" in str(kept["cut"])


def test_cut_diagnostics_fit_the_limit():
    many = {f"key-{i}-{'x' * 100}": "y" * 900 for i in range(200)}
    kept = bounded_diagnostics(many)
    assert len(json.dumps(kept, ensure_ascii=False).encode()) <= DIAGNOSTICS_LIMIT
    assert len(kept) > 50


def test_a_space_out_of_order_is_refused():
    b, a = RealParameter(name="b", low=0, high=1), RealParameter(name="a", low=0, high=1)
    with pytest.raises(ValueError, match="unique and sorted"):
        ParameterSpace((b, a))
    with pytest.raises(ValueError, match="unique and sorted"):
        ParameterSpace((a, a))
