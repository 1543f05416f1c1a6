"""What a filter matches: the same values as an ordinary simulation, in every way of matching and from rows of every form.

The model here is deterministic but for its first state, so that a path can be held against the ordinary simulation.
"""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from modelops_runtime.contracts.failures import BadOutput
from modelops_runtime.evaluation.observation_times import observation_times
from modelops_runtime.models.tables import to_tables
from tests.unit.evaluation.filtered import Chain, WalkTogether, filter_of, restartable

NORMAL = {"loss": {"kind": "normal", "sigma": 1.0}, "value": {"observed": "y", "simulated": "x"}}
DAY = datetime.date(2026, 1, 1)


class Clock:
    """x = level + t at half times, for two groups; the level differs between particles."""

    form = "lists"

    def start(self, params: dict[str, Any], rng: np.random.Generator) -> Any:
        return {"t": 0.0, "level": int(rng.integers(0, 100)), "trace": [np.zeros(2), "x"]}

    def advance(self, state: Any, params: dict[str, Any], rng: np.random.Generator, until: float) -> Any:
        t, rows = state["t"], []
        while t + 0.5 <= until:
            t += 0.5
            rows += [(t, group, state["level"] + t + 1000 * at) for at, group in enumerate("ab")]
        table = dict(zip(("t", "g", "x"), map(list, zip(*rows, strict=True)), strict=True)) if rows else {}
        return {**state, "t": t}, self.shaped(table)

    def shaped(self, table: dict[str, list[Any]]) -> Any:
        match self.form:
            case "arrays":
                return {name: np.array(column) for name, column in table.items()}
            case "frames":
                return pd.DataFrame(table) if table else None
            case "tables":
                return {"out": table, "other": {"z": [1.0]}} if table else {}
            case "arrow":
                return pa.table(table) if table else {}
        return table


MATCHES = {
    "exact": ({"exact": "t"}, [1, 2.5, 2.5, 6], ["a", "a", "b", "b"]),
    "asof": ({"asof": "t", "tolerance": 0.4}, [1.3, 2.0, 2.1, 2.2], ["a", "b", "a", "b"]),
    "sum of periods": ({"sum": "t", "period": 2}, [2, 3, 4, 6], ["a", "b", "a", "a"]),
    "sum of labels": ({"sum": "t"}, [1, 2.5, 3], ["b", "a", "a"]),
}


@pytest.mark.parametrize("form", ["lists", "arrays", "frames", "tables", "arrow"])
@pytest.mark.parametrize("how", MATCHES)
def test_the_path_of_a_filter_is_that_of_a_simulation(how: str, form: str) -> None:
    match, times, groups = MATCHES[how]
    data = {"t": [float(t) for t in times], "g": groups, "y": [50.0] * len(times)}
    target = {**NORMAL, "match": match, "by": ["g"], **({"output": "out"} if form == "tables" else {})}
    made = filter_of({"t": target}, data, 6)
    model = Clock()
    model.form = form
    path = made.run(restartable(model), {}, 1)[0][: len(times)]
    level = next(c for c in range(100) if np.allclose(_expected(how, times, groups, c), path))
    assert path == pytest.approx(_expected(how, times, groups, level))
    aligner = made._aligner
    tables = to_tables(restartable(model).simulate({}, 1, aligner.times()))
    assert any(np.allclose(_expected(how, times, groups, c), aligner.align(tables)) for c in range(100))


def _expected(how: str, times: list[float], groups: list[str], level: int) -> list[float]:
    found = []
    for t, group in zip(times, groups, strict=True):
        ticks = np.arange(1, 20) / 2
        chosen = {
            "exact": ticks == t,
            "sum of labels": ticks == t,
            "asof": ticks == np.floor(2 * t) / 2,
            "sum of periods": (ticks > t - 2) & (ticks <= t),
        }[how]
        found.append(float((level + ticks[chosen] + 1000 * (group == "b")).sum()))
    return found


def test_rows_at_other_times_for_each_particle_are_matched_particle_by_particle() -> None:
    class Jumps:
        """A Poisson process: one row for each jump, and one for each `until`."""

        def start(self, params, rng):
            return {"t": 0.0, "count": 0}

        def advance(self, state, params, rng, until):
            times, counts, t, count = [], [], state["t"], state["count"]
            while (t := t + rng.exponential(0.3)) < until:
                count += 1
                times.append(t)
                counts.append(count)
            return {"t": float(until), "count": count}, {"t": [*times, float(until)], "x": [*counts, count]}

    data = {"t": [1.0, 2.0, 4.0], "y": [3.0, 7.0, 12.0]}
    made = filter_of({"t": {**NORMAL, "match": {"asof": "t", "tolerance": 0.5}}}, data, 200)
    runs = np.array([made.run(restartable(Jumps()), {}, seed)[0] for seed in range(5)])
    assert (np.diff(runs[:, :3], axis=1) >= 0).all()  # a path of one particle
    assert runs[:, :3].mean(axis=0) == pytest.approx([3, 7, 12.5], abs=1.5)


def test_both_ways_of_matching_give_the_same_bits() -> None:
    data = {"t": [2, 3, 4, 5], "mean": [1, 5, 6, 2]}
    poisson = {"match": {"sum": "t", "period": 2}, "value": "mean", "loss": {"kind": "poisson"}}
    made = filter_of({"t": poisson}, data, 30)
    quick = made.run(restartable(Chain()), {}, 5)[0]
    made._is_irregular = True
    assert np.array_equal(made.run(restartable(Chain()), {}, 5)[0], quick)


def test_rows_of_all_particles_at_once_are_those_of_each() -> None:
    data = {"t": [2, 4, 5], "y": [1.0, 0.5, -0.2]}
    windows = {"match": {"sum": "t", "period": 2}, "value": {"observed": "y", "simulated": "x"}}
    made = filter_of({"t": {**windows, "loss": {"kind": "normal", "sigma": 0.5}}}, data, 40)
    quick = made.run(restartable(WalkTogether()), {}, 5)[0]
    assert not made._is_irregular  # although the first step, to the start of the first window, has no rows
    made._is_irregular = True
    assert np.array_equal(made.run(restartable(WalkTogether()), {}, 5)[0], quick)


def test_a_model_is_advanced_to_keys_and_starts_of_windows_each_once() -> None:
    data = {"a": {"t": [7, 14], "y": [1.0, 2.0]}, "b": {"t": [3, 14], "y": [1.0, 2.0]}}
    made = filter_of(
        {"a": {**NORMAL, "match": {"sum": "t", "period": 7}}, "b": {**NORMAL, "match": {"exact": "t"}}}, data, 5
    )
    times = observation_times(made._aligner.targets)
    assert times.untils == (0, 3, 7, 14)
    assert all(type(until) is int for until in times.untils)
    assert times.steps.tolist() == [2, 3, 1, 3]


@pytest.mark.parametrize(
    ("keys", "untils"),
    [
        ([0.1 + 0.2, 0.3, 1], (0.3, 1.0)),
        ([DAY, DAY + datetime.timedelta(days=2)], (DAY, DAY + datetime.timedelta(days=2))),
        (["2026-01-01", "2026-01-03"], (DAY, DAY + datetime.timedelta(days=2))),
        (
            ["2026-01-01 06:00", "2026-01-01 18:30"],
            (datetime.datetime(2026, 1, 1, 6), datetime.datetime(2026, 1, 1, 18, 30)),
        ),
    ],
)
def test_untils_are_numbers_or_dates_as_in_the_data(keys: list[Any], untils: tuple[Any, ...]) -> None:
    labels = [str(at) for at in range(len(keys))]
    made = filter_of(
        {"t": {**NORMAL, "match": {"exact": "t", "by": ["g"]}}}, {"t": keys, "g": labels, "y": [1.0] * len(keys)}, 5
    )
    found = observation_times(made._aligner.targets).untils
    assert found == pytest.approx(untils) if isinstance(untils[0], float) else found == untils


def test_a_row_that_comes_after_its_observation_is_a_mistake_of_the_model() -> None:
    class Late:
        def start(self, params, rng):
            return 0

        def advance(self, state, params, rng, until):
            rows = {"t": list(range(state, until)), "x": [0.0] * (until - state)}
            return until, rows if until < 4 else {name: [*column, column[-1] + 1] for name, column in rows.items()}

    made = filter_of({"t": {**NORMAL, "match": {"exact": "t"}}}, {"t": [1, 2, 4], "y": [1.0] * 3}, 5)
    with pytest.raises(BadOutput, match="the row for t = 1 comes after the step to it") as caught:
        made.run(restartable(Late()), {}, 1)
    assert caught.value.path == "targets.t.match"


def test_what_is_not_simulated_is_told_as_in_an_ordinary_run() -> None:
    made = filter_of({"t": {**NORMAL, "match": {"exact": "t"}, "value": "y"}}, {"t": [1], "y": [1.0]}, 5)
    with pytest.raises(BadOutput, match="has no column 'y'; its columns: t, g, x") as caught:
        made.run(restartable(Clock()), {}, 1)
    assert caught.value.path == "targets.t.value"
