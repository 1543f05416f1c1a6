"""Classes with `start` and `advance`, as ordinary models and for a filter."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
import pytest

from modelops_runtime.contracts.failures import BadOutput
from modelops_runtime.models.loading import LoadedModel, ModelSource, load_model
from modelops_runtime.models.restartable import copied

MODELS = """
import numpy as np
from modelops_runtime.models import Model, scenario

class Walk:
    def start(self, params, rng):
        return {"t": 0, "x": params["x"]}

    def advance(self, state, params, rng, until):
        t = np.arange(state["t"] + 1, until + 1)
        x = state["x"] + rng.normal(size=len(t)).cumsum()
        return {"t": until, "x": x[-1] if len(x) else state["x"]}, {"t": t, "x": x}

class Simulated(Walk):
    def simulate(self, params, seed):
        return {"t": [1], "x": [99.0]}

class OtherMeaning(Simulated):
    def start(self):
        pass

class WrongArguments(Walk):
    def advance(self, state, until):
        pass

class Bounded(Model):
    parameters = {"x": (0.0, 9.0)}
    config = {"step": 1.0}

    def start(self, params, rng, config):
        return 0.0

    def advance(self, state, params, rng, until, config):
        return state + config["step"], {"t": [until], "x": [params["x"] + state]}

    @scenario("far")
    def far(self):
        return {"params": {"x": 5.0}, "config": {"step": 10.0}}

class NoPair(Walk):
    def advance(self, state, params, rng, until):
        return {"t": [until], "x": [0.0]}

class Mixed(Walk):
    def advance(self, state, params, rng, until):
        if until == 1:
            return state, {}
        table = {"t": [until], "x": [0.5]}
        return state, {"a": table} if until == 2 else {"a": table, "b": table}
"""
TIMES = (1, 3, 4)


def loaded(folder: Path, name: str, **more: object) -> LoadedModel:
    (folder / "model.py").write_text(textwrap.dedent(MODELS))
    source = ModelSource(entrypoint=f"model.py:{name}", root=str(folder), **more)  # type: ignore[arg-type]
    return load_model(source, lambda: TIMES)


def test_an_ordinary_simulation_joins_the_rows_of_all_steps(tmp_path: Path) -> None:
    model = loaded(tmp_path, "Walk")
    (table,) = model.simulate({"x": 2.0}, 3).values()
    assert table.column("t").to_pylist() == [1, 2, 3, 4]
    assert table.column("x").to_pylist() == pytest.approx(
        (2 + np.random.default_rng(3).normal(size=4).cumsum()).tolist()
    )
    assert model.simulate({"x": 2.0}, 3)["output"].equals(table)
    assert model.description.is_restartable


def test_a_step_without_rows_and_a_table_that_a_step_lacks_add_nothing(tmp_path: Path) -> None:
    tables = loaded(tmp_path, "Mixed").simulate({"x": 2.0}, 3)
    assert {name: table.column("t").to_pylist() for name, table in tables.items()} == {"a": [3, 4], "b": [3, 4]}


def test_a_class_with_simulate_keeps_it_and_can_be_restarted(tmp_path: Path) -> None:
    model = loaded(tmp_path, "Simulated")
    assert model.simulate({"x": 2.0}, 3)["output"].column("x").to_pylist() == [99.0]
    assert model.description.is_restartable


def test_methods_of_another_meaning_are_left_alone_where_the_class_has_simulate(tmp_path: Path) -> None:
    model = loaded(tmp_path, "OtherMeaning")
    assert model.simulate({"x": 2.0}, 3)["output"].column("x").to_pylist() == [99.0]
    assert not model.description.is_restartable


def test_methods_with_other_arguments_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadOutput, match=r"advance\(state, until\) cannot be called as \(state, params, rng, until\)"):
        loaded(tmp_path, "WrongArguments")


def test_a_model_class_has_bounds_config_and_scenarios(tmp_path: Path) -> None:
    assert list(loaded(tmp_path, "Bounded").description.bounds) == ["x"]
    plain = loaded(tmp_path, "Bounded").simulate({"x": 1.0}, 0)["output"].column("x").to_pylist()
    changed = (
        loaded(tmp_path, "Bounded", config={"step": 2.0}).simulate({"x": 1.0}, 0)["output"].column("x").to_pylist()
    )
    far = loaded(tmp_path, "Bounded/far").simulate({"x": 1.0}, 0)["output"].column("x").to_pylist()
    assert (plain, changed, far) == ([1.0, 2.0, 3.0], [1.0, 3.0, 5.0], [5.0, 15.0, 25.0])


def test_config_that_no_method_takes_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadOutput, match="take no config") as caught:
        loaded(tmp_path, "Walk", config={"a": 1})
    assert caught.value.path == "model.config"


def test_what_is_no_pair_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadOutput, match="advance returned dict; it returns \\(state, rows\\)"):
        loaded(tmp_path, "NoPair").simulate({"x": 2.0}, 3)


def test_without_observations_there_is_nothing_to_advance_to(tmp_path: Path) -> None:
    loaded(tmp_path, "Walk")
    model = load_model(ModelSource(entrypoint="model.py:Walk", root=str(tmp_path)))
    with pytest.raises(BadOutput, match=r"it needs a method simulate\(params, seed\)"):
        model.simulate({"x": 2.0}, 3)


class Plain:
    def __init__(self, x: list[int]) -> None:
        self.x = x


@pytest.mark.parametrize(
    "state",
    [
        3,
        (1, 2.0, "x", None),
        [1, 2],
        {"a": 1, "b": np.zeros(2)},
        (1, np.zeros(2), np.ones(3)),
        {"a": [1, 2]},
        Plain([1]),
        np.array([Plain([1])], dtype=object),
    ],
)
def test_copies_of_a_particle_share_nothing_that_can_change(state: object) -> None:
    first, second, third = copied([state, None], np.array([0, 0, 1]))
    assert first is state
    assert third is None
    assert type(second) is type(state)
    for one, other in zip(_changeable(first), _changeable(second), strict=True):
        assert one is not other


def _changeable(state: object) -> list[object]:
    parts = list(state.values()) if isinstance(state, dict) else list(state) if isinstance(state, tuple | list) else []
    if isinstance(state, np.ndarray) and state.dtype.kind == "O":
        parts = list(state)
    own = [state] if isinstance(state, dict | list | np.ndarray | Plain) else []
    return [*own, *(found for part in parts for found in _changeable(part))]


def test_two_names_of_one_array_stay_two_names_of_one() -> None:
    array = np.zeros(2)
    _, second = copied([{"a": array, "b": array}], np.array([0, 0]))
    assert second["a"] is second["b"]
    assert second["a"] is not array
