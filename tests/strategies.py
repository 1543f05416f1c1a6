"""Hypothesis strategies that all tests draw from."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.contracts.space import (
    ChoiceParameter,
    IntegerParameter,
    Parameter,
    ParameterSpace,
    RealParameter,
)

texts = st.text(st.characters(codec="utf-8"), max_size=12)
steering_letters = (
    "\x00\x07\b\t\n\x0b\r\x1b\x7f\x85\x9b\u061c\u200b\u200f\u2028\u202e\u2066\ufeff\ud800\udfff\U000e0041[]m;31"
)
hostile_text = st.text(st.sampled_from(steering_letters) | st.characters(), max_size=40)
"""What a model, or who shares a ledger, may have written: escape sequences, directions, lone surrogates."""
names = st.from_regex(r"[a-z][a-z0-9_]{0,7}", fullmatch=True)
finite = st.floats(allow_nan=False, allow_infinity=False)
scalars: st.SearchStrategy[Scalar] = st.booleans() | st.integers() | finite | texts
parameter_sets = st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1, max_size=12), scalars, max_size=6)
unit = st.floats(0.0, 1.0)


@st.composite
def real_parameters(draw: st.DrawFn, name: str = "x") -> RealParameter:
    """Bounds on every scale, equal ones and the widest included."""
    scale = draw(st.sampled_from(("linear", "log", "logit")))
    inside = {
        "linear": finite,
        "log": st.floats(1e-300, 1e300),
        "logit": st.floats(1e-12, 1 - 1e-12),
    }[scale]
    low, high = sorted((draw(inside), draw(inside)))
    return RealParameter(name=name, low=low, high=high, scale=scale)


@st.composite
def integer_parameters(draw: st.DrawFn, name: str = "n") -> IntegerParameter:
    """Steps that do not divide the range included."""
    if draw(st.booleans()):
        low = draw(st.integers(1, 1_000))
        return IntegerParameter(name=name, low=low, high=low + draw(st.integers(0, 100_000)), scale="log")
    low = draw(st.integers(-1_000, 1_000))
    return IntegerParameter(name=name, low=low, high=low + draw(st.integers(0, 500)), step=draw(st.integers(1, 7)))


@st.composite
def choice_parameters(draw: st.DrawFn, name: str = "c") -> ChoiceParameter:
    """Choices that differ in kind alone (True, 1, 1.0) included."""
    pool = st.sampled_from((True, False, 0, 1, 1.0, 0.0, "1", "a", "b", 2, -3.5))
    choices = draw(st.lists(pool, min_size=1, max_size=6, unique_by=lambda value: (type(value), value)))
    return ChoiceParameter(name=name, choices=tuple(choices))


def parameters(name: str = "x") -> st.SearchStrategy[Parameter]:
    return real_parameters(name) | integer_parameters(name) | choice_parameters(name)


@st.composite
def spaces(draw: st.DrawFn, max_size: int = 5) -> ParameterSpace:
    found = sorted(draw(st.sets(names, min_size=1, max_size=max_size)))
    return ParameterSpace(tuple(draw(parameters(name)) for name in found))


def is_inside(parameter: Parameter, value: object) -> bool:
    """Whether `value` is one that the parameter may take, of just its type."""
    if isinstance(parameter, ChoiceParameter):
        return any(type(value) is type(choice) and value == choice for choice in parameter.choices)
    if isinstance(parameter, IntegerParameter):
        on_step = type(value) is int and (value - parameter.low) % parameter.step == 0
        return on_step and parameter.low <= value <= parameter.high  # type: ignore[operator]
    return type(value) is float and math.isfinite(value) and parameter.low <= value <= parameter.high
