import datetime
import itertools

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelops_runtime.contracts.failures import BadOutput
from modelops_runtime.models.tables import digest_of, from_ipc, to_ipc, to_tables

COLUMNS = {"day": [0, 1, 2], "in_bed": [1.0, 3.5, 8.0]}


@pytest.mark.parametrize(
    "result",
    [
        COLUMNS,
        {name: np.array(values) for name, values in COLUMNS.items()},
        {name: tuple(values) for name, values in COLUMNS.items()},
        {name: pd.Series(values) for name, values in COLUMNS.items()},
        {name: pl.Series(values) for name, values in COLUMNS.items()},
        {name: pa.array(values) for name, values in COLUMNS.items()},
        {"day": range(3), "in_bed": [np.float64(1), 3.5, np.float32(8)]},
        pd.DataFrame(COLUMNS),
        pd.DataFrame(COLUMNS, index=[7, 8, 9]),
        pd.DataFrame(COLUMNS).set_index("day"),
        pd.DataFrame(COLUMNS).set_index("day")["in_bed"],
        pl.DataFrame(COLUMNS),
        pl.LazyFrame(COLUMNS),
        pa.table(COLUMNS),
        pa.RecordBatch.from_pydict(COLUMNS),
        pa.table(COLUMNS).replace_schema_metadata({"made": "today"}),
        {"output": COLUMNS},
        {"output": pd.DataFrame(COLUMNS)},
    ],
    ids=lambda result: type(result).__name__,
)
def test_every_accepted_form_gives_the_same_table_and_digest(result):
    tables = to_tables(result)
    assert {name: table.to_pydict() for name, table in tables.items()} == {"output": COLUMNS}
    assert digest_of(tables) == digest_of(to_tables(COLUMNS))


def test_a_dict_of_tables_keeps_the_names_of_outputs():
    tables = to_tables({"a": {"x": [1]}, "b": pl.DataFrame({"y": ["u", "v"]}), "c": pa.table({"z": [True]})})
    assert {name: table.to_pydict() for name, table in tables.items()} == {
        "a": {"x": [1]},
        "b": {"y": ["u", "v"]},
        "c": {"z": [True]},
    }


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array(["2020-01-01"], "datetime64[D]"), "date32[day]"),
        (np.array(["2020-01"], "datetime64[M]"), "date32[day]"),
        (np.array([3], "datetime64[h]"), "timestamp[s]"),
        (np.array([3], "timedelta64[D]"), "duration[s]"),
        ([np.datetime64("2020-01-01")], "date32[day]"),
        ([datetime.date(2020, 1, 1)], "date32[day]"),
        ([datetime.datetime(2020, 1, 1)], "timestamp[us]"),
        (pd.Categorical(["u"]), "string"),
        (pl.Series(["u"], dtype=pl.Categorical), "string"),
        (pa.array(["u"]).dictionary_encode(), "string"),
        (np.array(["u"]), "string"),
        (np.array(["u"], dtype=object), "string"),
        (pd.Series(["u", None]), "string"),
        (np.array([1], ">i4"), "int32"),
        (np.longdouble([1.5]), "double"),
        (np.ma.array([1.5], mask=[True]), "double"),
        ([None], "double"),
        ([True, 2], "int64"),
    ],
    ids=str,
)
def test_columns_come_in_plain_types(values, kind):
    assert str(to_tables({"x": values})["output"].schema.field("x").type) == kind


def test_nan_stays_nan_and_null_stays_null():
    for result in ({"x": [1.0, np.nan]}, {"x": np.array([1.0, np.nan])}, pd.DataFrame({"x": [1.0, np.nan]})):
        assert to_tables(result)["output"]["x"].null_count == 0
    assert to_tables(pl.DataFrame({"x": [1.0, None]}))["output"]["x"].null_count == 1


def test_the_tables_do_not_change_when_the_model_uses_its_arrays_again():
    array = np.array([1.0, 2.0])
    table = to_tables({"x": array})["output"]
    array[:] = 0
    assert table.to_pydict() == {"x": [1.0, 2.0]}


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (None, "returned nothing (None); return a data frame"),
        ({}, "an empty dict"),
        ({"a": {}}, "output 'a' has no columns"),
        (pd.DataFrame(), "has no columns"),
        ({"x": [1, 2], "y": [1]}, "unequal length: x 2, y 1"),
        ({"x": 3.0}, "column 'x' is a single value, 3.0; a column is a list"),
        ({"x": np.float64(3.0)}, "column 'x' is a single value"),
        ({"x": "abc"}, "column 'x' is a single value, 'abc'"),
        ({"x": {1, 2}}, "column 'x' is of type set"),
        ({"x": np.zeros((2, 3))}, "column 'x' is an array of shape (2, 3); a column has one dimension"),
        ({"x": [1j]}, "column 'x' holds complex numbers"),
        ({"x": np.array([1j])}, "column 'x' holds complex numbers"),
        ({"x": [[1], [2]]}, "column 'x' is of the Arrow type list<"),
        ({"x": [object()]}, "column 'x' holds object"),
        ({"x": ["a", 1]}, "column 'x' holds str, int"),
        ({"x": [2**70]}, "whole numbers beyond 64 bits"),
        ({"x": [b"raw"]}, "Arrow type binary"),
        ({1: [1]}, "a column named 1, a int; names are text"),
        ({"a": {"x": [1]}, "b": [1]}, "a dict with a table ('a') and with what is none ('b', of type list)"),
        ({"a": {"x": [1]}, "b": None}, "('b', of type NoneType)"),
        (np.zeros((2, 3)), "an array of shape (2, 3), whose columns have no names"),
        ([{"x": 1}], "a list of 1, whose columns have no names"),
        (7, "a single value, 7"),
        (object(), "of type object"),
        (pd.Series([1, 2]), "a Series without a name"),
        (pd.DataFrame(np.zeros((1, 2))), "a column named 0"),
        (pd.DataFrame([[1, 2]], columns=["x", "x"]), "two columns 'x'"),
        (pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"]), "two columns 'x'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_table_is_refused_in_one_readable_line(result, text):
    with pytest.raises(BadOutput) as caught:
        to_tables(result)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_much_names_the_sizes():
    with pytest.raises(BadOutput, match=r"too much output: output 1,000 rows, 0.0 MiB; at most 999 rows"):
        to_tables({"x": np.zeros(1000)}, max_rows=999)
    with pytest.raises(BadOutput, match=r"too much output: a 200,000 rows, 1.5 MiB; at most 10,000,000 rows and 1 MiB"):
        to_tables({"a": {"x": np.zeros(200_000)}}, max_bytes=2**20)


columns = st.one_of(
    st.lists(st.none() | st.floats(width=64), min_size=6, max_size=6),
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=6, max_size=6),
    st.lists(st.none() | st.text(), min_size=6, max_size=6),
    st.lists(st.none() | st.booleans(), min_size=6, max_size=6),
    st.lists(st.none() | st.dates(), min_size=6, max_size=6),
)


@given(columns, st.integers(0, 6), st.integers(0, 6))
def test_the_digest_does_not_depend_on_chunks_or_the_way_through_ipc(values, first, second):
    whole = to_tables({"x": values, "n": range(6)})
    table = whole["output"]
    cuts = sorted([0, first, second, 6])
    pieces = pa.concat_tables([table.slice(a, b - a) for a, b in itertools.pairwise(cuts)])
    assert digest_of({"output": pieces}) == digest_of(whole)
    assert to_ipc({"output": pieces}) == to_ipc(whole)
    assert digest_of({"output": from_ipc(to_ipc(whole)["output"])}) == digest_of(whole)


def test_the_digest_tells_apart_names_types_values_and_orders():
    results = [
        {"x": [1.0, 2.0]},
        {"x": [2.0, 1.0]},
        {"y": [1.0, 2.0]},
        {"other": {"x": [1.0, 2.0]}},
        {"x": [1, 2]},
        {"x": np.array([1, 2], np.int32)},
        {"x": [1.0, None]},
        {"x": [1.0, np.nan]},
        {"x": [1.0, 0.0]},
        {"x": [1.0, -0.0]},
        {"x": [1.0]},
        {"x": ["ab", "c"]},
        {"x": ["a", "bc"]},
        {"x": ["", None]},
        {"x": [None, ""]},
        {"x": [1.0, 2.0], "z": [0, 0]},
        {"z": [0, 0], "x": [1.0, 2.0]},
        {"x": [datetime.date(2020, 1, 1)]},
        {"x": [datetime.datetime(2020, 1, 1)]},
        {"x": [False]},
        {"x": np.array([], float)},
    ]
    digests = [digest_of(to_tables(result)) for result in results]
    assert len(set(digests)) == len(digests)
    assert all(len(digest) == 32 for digest in digests)


def test_the_digest_of_nan_is_the_same_whatever_its_bits():
    odd = np.array([0x7FF8DEADBEEF0001, 0xFFF8000000000000], np.uint64).view(np.float64)
    assert digest_of(to_tables({"x": odd})) == digest_of(to_tables({"x": [np.nan, np.nan]}))


def test_the_digest_ignores_the_order_of_outputs_and_what_lies_behind_nulls():
    one, two = to_tables({"a": {"x": [1]}, "b": {"x": [2]}}), to_tables({"b": {"x": [2]}, "a": {"x": [1]}})
    assert digest_of(one) == digest_of(two)
    behind = [pa.array(np.array([1.0, hidden]), mask=np.array([False, True])) for hidden in (5.0, 6.0)]
    assert digest_of(to_tables({"x": behind[0]})) == digest_of(to_tables({"x": behind[1]}))


def test_a_digest_stays_what_it_was():
    """Ledgers hold digests: another version that finds another one would call an identical replay different."""
    assert digest_of(to_tables(COLUMNS)) == "c0b66625cf707b3b9165a5a6ccee0596"


def test_ipc_reads_files_and_streams_and_refuses_a_part():
    table = pa.table(COLUMNS)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    assert from_ipc(sink.getvalue().to_pybytes()).equals(table)
    stream = to_ipc({"a": table})["a"]
    assert from_ipc(stream).equals(table)
    for length in (0, 3, len(stream) // 2, len(stream) - 8):
        with pytest.raises(ValueError, match=r"Arrow stream"):
            from_ipc(stream[:length])
