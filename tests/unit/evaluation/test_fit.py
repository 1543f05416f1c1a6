"""Aligned values as bytes, and the table of fits."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

import numpy as np
import pyarrow as pa
import pytest

from modelops_runtime.contracts.observations import Observations
from modelops_runtime.evaluation.fit import stack, to_bytes
from modelops_runtime.evaluation.fit_table import fit_table
from modelops_runtime.evaluation.plan import plan_targets
from tests.unit.evaluation.targets import ROOT, target

TARGETS = {"a": target({"exact": "day", "by": ["region"]}), "b": target({"exact": "week"})}
OBSERVED = {
    "a": pa.table({"day": [1, 2], "region": ["n", "s"], "cases": [10, 20]}),
    "b": pa.table({"week": ["1978-01-22"], "cases": [5]}),
}
TOLD = plan_targets(TARGETS, OBSERVED, root=ROOT).observations()


def test_stacking_undoes_writing():
    rows = np.array([[1.5, -2.0, math.nan], [0.0, 1e300, 3.0]])
    np.testing.assert_array_equal(stack([to_bytes(row) for row in rows]), rows)


def test_replicates_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="different numbers of observations"):
        stack([b"\0" * 8, b"\0" * 16])


def test_a_fit_has_a_row_for_each_observation_and_replicate():
    rows = [(7, 0, to_bytes(np.array([1.0, math.nan, 3.0]))), (7, 1, to_bytes(np.array([4.0, 5.0, 6.0])))]
    table = fit_table(TOLD, rows)
    assert table.to_pylist()[:3] == [
        {
            "trial": 7,
            "replicate": 0,
            "target": "a",
            "day": 1,
            "region": "n",
            "week": None,
            "observed": 10.0,
            "simulated": 1.0,
            "phase": "search",
        },
        {
            "trial": 7,
            "replicate": 0,
            "target": "a",
            "day": 2,
            "region": "s",
            "week": None,
            "observed": 20.0,
            "simulated": None,
            "phase": "search",
        },
        {
            "trial": 7,
            "replicate": 0,
            "target": "b",
            "day": None,
            "region": None,
            "week": dt.date(1978, 1, 22),
            "observed": 5.0,
            "simulated": 3.0,
            "phase": "search",
        },
    ]
    assert table.column("simulated").to_pylist()[3:] == [4, 5, 6]
    assert table.column("replicate").to_pylist() == [0, 0, 0, 1, 1, 1]


def test_counts_of_n_stand_in_the_observations_unit_beside_the_models_probabilities():
    """Two targets, one of them a survey of 300 and of 500 people, the other without an n."""
    targets = {
        "sero": target({"exact": "day"}, loss={"kind": "binomial", "n": "tested"}),
        "cases": target({"exact": "day"}, loss="poisson"),
    }
    observed = {
        "sero": pa.table({"day": [1, 2], "cases": [127, 186], "tested": [300, 500]}),
        "cases": pa.table({"day": [1], "cases": [9]}),
    }
    told = plan_targets(targets, observed, root=ROOT).observations()
    assert told.targets["sero"].of_loss["n"] == (300.0, 500.0)
    rows = [(0, 0, to_bytes(np.array([0.25, math.nan, 8.0])))]
    table = fit_table(told, rows).to_pydict()
    assert table["observed"] == [127.0, 186.0, 9.0]
    assert table["simulated"] == [75.0, None, 8.0]
    assert table["n"] == [300.0, 500.0, None]
    assert table["probability"] == [0.25, None, None]
    older = Observations({**told.targets, "sero": dataclasses.replace(told.targets["sero"], of_loss={})})
    named = fit_table(older, rows, {"sero": {"loss": {"kind": "binomial", "n": "tested"}}}).to_pydict()
    assert (named["simulated"], named["n"]) == ([None, None, 8.0], [None] * 3), "an older run without its n"
    assert named["probability"] == [0.25, None, None]
    constant = fit_table(older, rows, {"sero": {"loss": {"kind": "binomial", "n": 400.0}}}).to_pydict()
    assert constant["simulated"] == [100.0, None, 8.0]


def test_a_fit_of_nothing_has_the_same_columns():
    assert fit_table(TOLD, []).schema.names == fit_table(TOLD, [(0, 0, b"\0" * 24)]).schema.names
