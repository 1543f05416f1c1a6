"""The space that is searched: the spec's parameters, with the class's bounds where the spec has none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelops_runtime.contracts.space import ChoiceParameter, IntegerParameter, Parameter, RealParameter
from modelops_runtime.specs.adaptive import AdaptiveSpec
from modelops_runtime.specs.identity import spec_json
from modelops_runtime.specs.space import fixed_of, kept_space, space_of, written_space

OWN: dict[str, Parameter] = {
    "beta": RealParameter(name="beta", low=0.1, high=9.0, scale="log"),
    "delay": IntegerParameter(name="delay", low=0, high=8, step=2),
    "shape": ChoiceParameter(name="shape", choices=("a", "b")),
}


def spec_with(**parameters: Any) -> AdaptiveSpec:
    return AdaptiveSpec.model_validate(
        {
            "version": 1,
            "name": "x",
            "model": {"entrypoint": "m.C/base"},
            "parameters": parameters,
            "targets": {"t": {"observed": "x.csv", "match": {"exact": "t"}, "value": "y"}},
        }
    )


def test_searched_parameters_are_sorted_and_fixed_ones_left_out() -> None:
    spec = spec_with(
        z={"min": 0, "max": 1}, a={"min": 1, "max": 9, "type": "int", "step": 2}, c={"choices": [1, 2]}, n=763
    )
    assert space_of(spec, {}).parameters == (
        IntegerParameter(name="a", low=1, high=9, step=2),
        ChoiceParameter(name="c", choices=(1, 2)),
        RealParameter(name="z", low=0.0, high=1.0),
    )
    assert fixed_of(spec) == {"n": 763}


def test_what_the_spec_leaves_out_is_searched_in_the_bounds_of_the_class() -> None:
    assert space_of(spec_with(), OWN).parameters == tuple(OWN[name] for name in sorted(OWN))


def test_a_fixed_value_takes_a_parameter_of_the_class_out_of_the_search() -> None:
    space = space_of(spec_with(beta=1.5, shape="a"), OWN)
    assert [parameter.name for parameter in space.parameters] == ["delay"]


def test_a_range_may_narrow_the_bounds_of_the_class() -> None:
    assert space_of(spec_with(beta={"max": 2.0}), {"beta": OWN["beta"]}).parameters == (
        RealParameter(name="beta", low=0.1, high=2.0, scale="log"),
    )
    assert space_of(spec_with(delay={"min": 2}), {"delay": OWN["delay"]}).parameters == (
        IntegerParameter(name="delay", low=2, high=8, step=2),
    )
    assert space_of(spec_with(shape={}), {"shape": OWN["shape"]}).parameters == (OWN["shape"],)


def test_new_bounds_keep_the_type_the_step_and_the_scale_of_the_class_unless_the_spec_says_otherwise() -> None:
    assert space_of(spec_with(delay={"min": 1, "max": 3}), {"delay": OWN["delay"]}).parameters == (
        IntegerParameter(name="delay", low=1, high=3, step=2),
    )

    real = spec_with(delay={"min": 1, "max": 3, "type": "float"}, beta={"min": 0, "scale": "linear"})
    assert space_of(real, {"delay": OWN["delay"], "beta": OWN["beta"]}).parameters == (
        RealParameter(name="beta", low=0.0, high=9.0),
        RealParameter(name="delay", low=1.0, high=3.0),
    )


@pytest.mark.parametrize(
    ("parameters", "bounds", "message"),
    [
        ({"other": {"scale": "log"}}, {}, "other has no min and max, and the model gives none"),
        ({"other": {"min": 1}}, {}, "other has no max, and the model gives none"),
        ({"bta": {"min": 0, "max": 1}}, OWN, r"the model has no parameter bta; did you mean beta\?"),
        ({"n": 763}, OWN, r"the model has no parameter n; it has beta, delay, shape"),
        ({"beta": {"min": 0}}, OWN, "beta: with the model's own bounds, a log scale has min 0"),
        ({"beta": {"min": 10}}, OWN, "beta: with the model's own bounds, min is 10.0, not below max 9.0"),
        ({"shape": {"min": 1}}, OWN, "shape is one of a, b in the model, and no range"),
    ],
)
def test_a_parameter_without_bounds_or_unknown_to_the_class_is_refused(
    parameters: dict[str, Any], bounds: dict[str, Parameter], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        space_of(spec_with(**parameters), bounds)


def test_a_space_kept_with_a_run_is_the_same_again() -> None:
    space = space_of(spec_with(beta={"max": 5}), OWN)
    kept = json.loads(json.dumps(written_space(space)))
    assert kept_space(kept, {}) == space
    assert kept["beta"] == {"min": 0.1, "max": 5.0, "scale": "log"}


def test_a_run_that_keeps_none_has_the_space_of_its_spec() -> None:
    spec = spec_with(z={"min": 0, "max": 1}, c={"choices": [1, 2]}, n=763)
    assert kept_space({}, json.loads(json.dumps(spec_json(spec)))) == space_of(spec, {})


def test_a_run_that_keeps_none_and_has_its_bounds_from_a_class_is_refused() -> None:
    with pytest.raises(ValueError, match="beta has no min"):
        kept_space({}, spec_json(spec_with(beta={"max": 5})))
