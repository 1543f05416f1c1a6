"""`loss:` as it is written in a spec."""

from __future__ import annotations

import jsonschema
import pytest
from pydantic import TypeAdapter, ValidationError

from modelops_runtime.specs.losses import LossSpec

LOSS: TypeAdapter = TypeAdapter(LossSpec)


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("annealed", "annealed"),
        ("pkg.mod:fn", "pkg.mod:fn"),
        ({"kind": "negative_binomial", "dispersion": 10}, "negative_binomial"),
        ({"kind": "binomial", "n": "tested"}, "binomial"),
        ({"kind": "pkg.mod:fn"}, "pkg.mod:fn"),
        ({"function": "model.py:fn", "options": {"a": 1}}, "model.py:fn"),
    ],
)
def test_all_ways_to_write_a_loss_are_valid_here_and_in_the_schema(written, kind):
    loss = LOSS.validate_python(written)
    assert loss.kind == kind
    jsonschema.Draft202012Validator(LOSS.json_schema()).validate(written)
    assert LOSS.validate_python(LOSS.dump_python(loss)) == loss


@pytest.mark.parametrize(
    ("written", "loc", "text"),
    [
        ("nope", (), "'nope' is not a loss; a loss is one of mean_signal"),
        ("negative_binomial", (), "needs dispersion; write {kind: negative_binomial, dispersion: ...}"),
        ({"kind": "nope"}, ("kind",), "'nope' is not a loss"),
        ({}, (), "has no kind"),
        ({"kind": "poisson", "function": "a:b"}, ("function",), "give one of them"),
        ({"function": "poisson"}, ("function",), "'poisson' is not a function"),
        ({"kind": "negative_binomial", "dispersion": 0}, ("dispersion",), "greater than 0"),
        ({"kind": "negative_binomial"}, ("dispersion",), "required"),
        ({"kind": "poisson", "dispersion": 3}, ("dispersion",), "not permitted"),
        ({"kind": "binomial", "n": -3}, ("n",), "-3 is no number above 0"),
        (3, (), "3 is not a loss"),
    ],
)
def test_a_mistake_is_at_its_own_key(written, loc, text):
    with pytest.raises(ValidationError) as caught:
        LOSS.validate_python(written)
    (error,) = caught.value.errors()
    assert error["loc"] == loc
    assert text in error["msg"]
