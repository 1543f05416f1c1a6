import textwrap

import pytest

from modelops_runtime.contracts.failures import BadOutput
from modelops_runtime.contracts.space import ChoiceParameter, IntegerParameter, RealParameter
from modelops_runtime.models.bounds import bounds_of
from modelops_runtime.models.loading import ModelSource, load_model

CLASSES = """
from modelops_runtime.models import Model, output, scenario

class Line(Model):
    parameters = {
        "slope": {"min": 0.5, "max": 5.0, "scale": "log"},
        "n": {"min": 1, "max": 9, "type": "int"},
        "kind": {"choices": ["a", "b"]},
    }
    config = {"dt": 0.5, "steps": [1]}

    def build(self, params, config):
        config["steps"].append(2)
        return {**params, **config}

    def run(self, state, seed):
        return {**state, "seed": seed}

    @output("line")
    def line(self, raw):
        return {"y": [raw["slope"] * raw["dt"]], "steps": [len(raw["steps"])]}

    @output("seeds")
    def seeds(self, raw):
        return {"seed": [raw["seed"]]}

    @scenario("steep")
    def steep(self):
        return {"params": {"slope": 4.0}, "config": {"dt": 1.0}}

    @scenario("typo")
    def typo(self):
        return {"params": {"slop": 4.0}}

    @scenario("settings")
    def settings(self):
        return {"config": {"dtt": 4.0}}

    @scenario("shape")
    def shape(self):
        return 3

    def derived(self, params):
        return {"double": 2 * params["slope"]}

class Plain(Model):
    def run(self, state, seed):
        return {"x": [state["a"]]}

class Nothing(Model):
    pass

class Wrong(Plain):
    parameters = {"a": {"min": 2, "max": 1}}

class Twice(Plain):
    @output("x")
    def one(self, raw): ...
    @output("x")
    def two(self, raw): ...

class Foreign:
    parameters = {"means": "something else"}
    def simulate(self, params, seed):
        return {"x": ["plain"]}

class Scenarios:
    def simulate_scenario(self, scenario, params, seed):
        return {"x": [scenario]}

class Both(Foreign, Scenarios):
    parameters = {"a": (0, 1)}
    def derived(self, params):
        return {"twice": params["a"] * 2}

class Needs:
    def __init__(self, value): ...

class Useless: ...
"""


@pytest.fixture
def load(tmp_path):
    (tmp_path / "model.py").write_text(textwrap.dedent(CLASSES))
    (tmp_path / "b_classes").mkdir()
    (tmp_path / "b_classes" / "mod.py").write_text(textwrap.dedent(CLASSES))
    return lambda entrypoint, **changes: load_model(ModelSource(entrypoint=entrypoint, root=str(tmp_path), **changes))


PARAMS = {"slope": 2.0, "n": 1, "kind": "a"}


@pytest.mark.parametrize(
    ("entrypoint", "config", "y"),
    [
        ("model.py:Line", {}, 1.0),
        ("model.py:Line/baseline", {}, 1.0),
        ("model.py:Line/steep", {}, 4.0),
        ("b_classes.mod.Line", {}, 1.0),
        ("b_classes.mod.Line/steep", {}, 4.0),
        ("b_classes.mod:Line/steep", {}, 4.0),
        ("model.py:Line", {"dt": 3.0}, 6.0),
        ("model.py:Line/steep", {"dt": 3.0}, 4.0),
    ],
)
def test_scenarios_patch_parameters_and_config_over_the_specs(load, entrypoint, config, y):
    model = load(entrypoint, config=config)
    for _ in range(2):
        tables = model.simulate(PARAMS, 7)
        assert {name: table.to_pydict() for name, table in tables.items()} == {
            "line": {"y": [y], "steps": [2]},
            "seeds": {"seed": [7]},
        }


def test_a_class_describes_its_bounds_outputs_and_derived_quantities(load):
    model = load("model.py:Line/steep")
    assert model.description.bounds == {
        "slope": RealParameter(name="slope", low=0.5, high=5.0, scale="log"),
        "n": IntegerParameter(name="n", low=1, high=9),
        "kind": ChoiceParameter(name="kind", choices=("a", "b")),
    }
    assert model.description.outputs == ("line", "seeds")
    assert model.derived(PARAMS) == {"double": 8.0}


def test_a_model_without_output_methods_returns_its_tables_from_run(load):
    model = load("model.py:Plain")
    assert model.simulate({"a": 3}, 0)["output"].to_pydict() == {"x": [3]}
    assert model.description.outputs is None


@pytest.mark.parametrize(
    ("entrypoint", "x"),
    [
        ("model.py:Foreign", "plain"),
        ("model.py:Foreign/baseline", "plain"),
        ("model.py:Scenarios", "baseline"),
        ("model.py:Scenarios/low", "low"),
        ("model.py:Both", "plain"),
        ("model.py:Both/low", "low"),
    ],
)
def test_a_foreign_class_is_accepted_as_it_is(load, entrypoint, x):
    assert load(entrypoint).simulate({"a": 1}, 0)["output"].to_pydict() == {"x": [x]}


def test_a_foreign_class_may_give_bounds_and_what_reads_otherwise_is_left_alone(load):
    assert load("model.py:Foreign").description.bounds == {}
    assert load("model.py:Both").description.bounds == {"a": RealParameter(name="a", low=0, high=1)}
    assert load("model.py:Both").derived({"a": 2}) == {"twice": 4.0}


@pytest.mark.parametrize(
    ("entrypoint", "config", "text", "path"),
    [
        ("model.py:Line/step", {}, "has no scenario 'step'; did you mean 'steep'?", "model.entrypoint"),
        ("model.py:Line/zzz", {}, "it has baseline, steep, typo, settings, shape", "model.entrypoint"),
        ("model.py:Line/typo", {}, "changes the parameter 'slop'; did you mean 'slope'?", "model.entrypoint"),
        ("model.py:Line/settings", {}, "changes the setting 'dtt'; did you mean 'dt'?", "model.entrypoint"),
        ("model.py:Line/shape", {}, "model.py:Line/shape returns 3; it is to return", "model.entrypoint"),
        ("model.py:Line", {"dtt": 1}, "there is no setting 'dtt'; did you mean 'dt'?", "model.config"),
        ("model.py:Plain", {"dt": 1}, "there is no setting 'dt'; those of model.py:Plain are none", "model.config"),
        ("model.py:Foreign", {"dt": 1}, "takes no config", "model.config"),
        ("model.py:Foreign/low", {}, "has no scenario 'low'", "model.entrypoint"),
        ("model.py:Nothing", {}, "has no method run(self, state, seed)", "model.entrypoint"),
        ("model.py:Wrong", {}, "parameters['a']: min is 2, not below max 1", "model.entrypoint"),
        ("model.py:Twice", {}, "Twice.one and Twice.two are both named 'x'", "model.entrypoint"),
        ("model.py:Needs", {}, "model.py:Needs() cannot be made without arguments: TypeError", "model.entrypoint"),
        ("model.py:Useless", {}, "has neither simulate(params, seed) nor simulate_scenario", "model.entrypoint"),
    ],
)
def test_what_does_not_fit_a_class_is_one_line(load, entrypoint, config, text, path):
    with pytest.raises(BadOutput) as caught:
        load(entrypoint, config=config)
    assert text in str(caught.value)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (5, "write {"),
        ({"min": 0, "max": 1, "scale": "log"}, "a log scale has min 0; min must be above 0"),
        ({"min": 0.1, "max": 1, "scale": "logit"}, "a logit scale has max 1; both bounds"),
        ({"min": 0, "max": 1, "scal": "log"}, "has scal; known are choices, max"),
        ({"min": 0, "max": 1.5, "type": "int"}, "max must be a whole number"),
        ({"min": 0, "max": 5, "step": 2}, "step is for whole numbers"),
        ({"choices": []}, "choices stand alone"),
        ({"max": 5}, "goes from None to 5"),
        (RealParameter(name="other", low=0, high=1), "holds the parameter 'other'"),
    ],
    ids=str,
)
def test_bounds_that_make_no_sense_are_refused(given, text):
    with pytest.raises(ValueError, match=r"parameters\['a'\]") as caught:
        bounds_of({"a": given})
    assert text in str(caught.value)
