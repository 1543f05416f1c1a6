"""Arrays made by their buffers are those that pa.array makes, and come back as to_numpy gives them."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from modelops_runtime.models.buffers import arrow_of, arrow_of_instants, arrow_of_list, numpy_of

KINDS = ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
INSTANTS = ("M8[D]", "M8[s]", "M8[ms]", "M8[us]", "M8[ns]", "m8[s]", "m8[ms]", "m8[us]", "m8[ns]")

listed = st.one_of(
    st.lists(st.floats(allow_nan=False)),
    st.lists(st.integers(-(2**63), 2**63 - 1)),
    st.lists(st.integers(-(2**53), 2**53) | st.floats(allow_nan=False)),
    st.lists(st.booleans()),
    st.lists(st.dates()),
    st.lists(st.text(st.characters(exclude_categories=["Cs"]))),
)


@given(npst.arrays(st.sampled_from([np.dtype(kind) for kind in KINDS]), st.integers(0, 20)))
def test_numbers_become_what_arrow_makes_of_them(values):
    made = arrow_of(values)
    made.validate(full=True)
    expected = pa.array(values)
    assert made.type == expected.type
    assert numpy_of(made).tobytes() == expected.to_numpy(zero_copy_only=False).tobytes() == values.tobytes()


@given(npst.arrays(st.sampled_from([np.dtype(kind) for kind in KINDS]), st.integers(0, 20)), st.data())
def test_a_slice_comes_back_as_its_part(values, data):
    start = data.draw(st.integers(0, len(values)))
    back = numpy_of(pa.array(values)[start:])
    assert back.dtype == values.dtype
    assert back.tobytes() == values[start:].tobytes()


@given(listed)
def test_a_list_becomes_what_arrow_makes_of_it(values):
    made = arrow_of_list(values)
    assert made is not None
    made.validate(full=True)
    assert made.equals(pa.array(values) if values else pa.array(values, pa.float64()))


@pytest.mark.parametrize(
    "values",
    [
        [1.0, None],
        [2**63],
        [1.0, 2**53 + 1],
        [True, 1],
        ["x", 1],
        ["\ud800"],
        [datetime.datetime(2020, 1, 1)],
        [np.float64(1.0)],
        [[1]],
    ],
)
def test_other_lists_are_left_to_arrow(values):
    assert arrow_of_list(values) is None


@given(npst.arrays(st.sampled_from([np.dtype(kind) for kind in INSTANTS]), st.integers(0, 10)))
def test_instants_become_what_arrow_makes_of_them(values):
    made = arrow_of_instants(values)
    if made is None:
        days = values.dtype == np.dtype("M8[D]") and (np.abs(values.astype(np.int64)) >= 2**31).any()
        assert np.isnat(values).any() or days
    else:
        made.validate(full=True)
        assert made.equals(pa.array(values))
