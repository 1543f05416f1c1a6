"""Plain numpy columns taken without Arrow: the same digest as by their table, and only what that would take as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from modelops_runtime.models.arrays import are_arrays, digest_of_arrays
from modelops_runtime.models.tables import digest_of, to_tables

KINDS = ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")


@st.composite
def arrays(draw: st.DrawFn) -> dict[str, np.ndarray[Any, Any]]:
    rows = draw(st.integers(0, 20))
    names = draw(
        st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), min_size=1, max_size=4, unique=True)
    )
    return {name: draw(npst.arrays(draw(st.sampled_from(KINDS)), rows)) for name in names}


@given(arrays())
def test_the_digest_is_that_of_the_table(columns: dict[str, np.ndarray[Any, Any]]) -> None:
    assert are_arrays(columns)
    assert digest_of_arrays(columns) == digest_of(to_tables(columns))


def test_any_nan_counts_as_one_and_steps_between_rows_do_not_matter() -> None:
    odd = np.array([0x7FF8000000000001, 0x7FF0000000000002], dtype="u8").view("f8")
    wide = np.arange(8.0)[::2]
    for columns in ({"a": odd}, {"a": wide}):
        assert digest_of_arrays(columns) == digest_of(to_tables(columns))
    assert digest_of_arrays({"a": odd}) == digest_of_arrays({"a": np.full(2, np.nan)})


@pytest.mark.parametrize(
    "result",
    [
        {},
        None,
        {"a": [1, 2]},
        {"a": np.arange(3), "b": np.arange(2)},
        {"a": np.zeros((2, 2))},
        {"a": np.array(1.0)},
        {"a": np.array(["x"])},
        {"a": np.arange(3, dtype=">i4")},
        {"a": np.zeros(2, dtype="c16")},
        {"a": np.zeros(2, dtype="M8[D]")},
        {"a": np.ma.masked_array([1, 2], [True, False])},
        {1: np.arange(3)},
        {"a": {"b": np.arange(3)}},
        {"a": np.broadcast_to(np.uint8(0), 300 * 2**20)},
    ],
)
def test_everything_else_goes_by_the_table(result: Any) -> None:
    assert not are_arrays(result)
