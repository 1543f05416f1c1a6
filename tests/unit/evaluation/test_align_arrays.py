"""Columns whose keys were learnt are aligned as their table is; all others are left to `align`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modelops_runtime.evaluation.align import Aligner
from modelops_runtime.evaluation.observed_keys import observed_keys
from modelops_runtime.evaluation.target_aligner import TargetAligner
from modelops_runtime.models.tables import to_tables

DAYS = np.arange(6)


def _target(kind: Any, **options: Any) -> TargetAligner:
    import pyarrow as pa

    keys = observed_keys(pa.table({"day": [2, 4]}), on="day", by=(), ordered=kind != "exact")
    return TargetAligner(name="t", output=None, value="y", kind=kind, keys=keys, min_coverage=0.5, **options)


def _columns(**changed: Any) -> dict[str, Any]:
    return {"day": DAYS.copy(), "y": DAYS * 1.5, **changed}


@pytest.mark.parametrize(
    ("kind", "options"), [("exact", {}), ("asof", {"tolerance": 1.0}), ("interpolate", {}), ("sum", {"period": 2.0})]
)
def test_as_the_table_is(kind: Any, options: dict[str, Any]) -> None:
    aligner = Aligner((_target(kind, **options),))
    first = _columns()
    assert aligner.align_arrays(first) is None
    aligner.align(to_tables(first))
    aligner.learn(first)
    for y in (np.linspace(0, 1, 6), np.arange(6), np.arange(6) % 2 == 0):
        found = aligner.align_arrays(_columns(y=y))
        assert found is not None
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, aligner.align(to_tables(_columns(y=y))))


@pytest.mark.parametrize(
    "other",
    [
        _columns(day=DAYS + 1),
        _columns(day=DAYS.astype(float)),
        _columns(y=np.full(6, np.nan)),
        {"day": DAYS},
        {"y": DAYS},
        {"day": DAYS[:5], "y": DAYS[:5]},
    ],
)
def test_what_differs_is_left_to_align(other: dict[str, Any]) -> None:
    aligner = Aligner((_target("exact"),))
    aligner.align(to_tables(_columns()))
    aligner.learn(_columns())
    assert aligner.align_arrays(other) is None


def test_the_model_may_use_its_key_column_again() -> None:
    aligner = Aligner((_target("exact"),))
    columns = _columns()
    aligner.align(to_tables(columns))
    aligner.learn(columns)
    columns["day"] += 1
    assert aligner.align_arrays(columns) is None


def test_a_match_with_gaps_is_not_learnt() -> None:
    aligner = Aligner((_target("exact"),))
    columns = {"day": DAYS[:3], "y": DAYS[:3]}
    assert np.isnan(aligner.align(to_tables(columns))).tolist() == [False, True]
    aligner.learn(columns)
    assert aligner.align_arrays(columns) is None
