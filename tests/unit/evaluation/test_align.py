"""Which output row belongs to which observation, by every kind of match and key."""

from __future__ import annotations

import datetime as dt
import math
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelops_runtime.contracts.failures import BadOutput
from tests.unit.evaluation.targets import aligned, plan

DAYS = {"day": [1, 2, 3], "cases": [10, 20, 30]}
EXACT = {"exact": "day"}


def refusal(data, match, output, **more) -> BadOutput:
    with pytest.raises(BadOutput) as caught:
        aligned(data, match, output, **more)
    return caught.value


def test_exact_takes_the_row_of_the_same_key_in_any_order():
    assert aligned(DAYS, EXACT, {"day": [9, 3, 2, 1], "cases": [0, 7, 6, 5]}) == [5, 6, 7]


def test_integers_match_floats_and_sums_of_steps():
    steps = np.cumsum(np.full(40, 0.1))  # 0.1 added ten times is 0.9999999999999999
    assert aligned(DAYS, EXACT, {"day": steps, "cases": np.arange(40.0)}) == [9, 19, 29]


def test_missing_observations_are_left_out_and_counted():
    data = pa.table({"day": [1, 2, 3, 4], "cases": pa.array([10, None, math.nan, 40], pa.float64())})
    made = plan(data, EXACT)
    assert made.aligner.align({"out": pa.table({"day": [1, 4], "cases": [5, 6]})}).tolist() == [5, 6]
    assert made.observations().targets["t"].left_out == 2


def test_too_few_matches_name_how_many_and_which():
    data = {"day": list(range(1, 15)), "cases": [1] * 14}
    error = refusal(data, EXACT, {"day": list(range(1, 14)), "cases": [1] * 13})
    assert error.path == "targets.t.match"
    assert str(error).startswith("matched 13 of 14 observations: no row for day = 14")


def test_many_unmatched_observations_are_counted_not_listed():
    data = {"day": list(range(20)), "cases": [1] * 20}
    assert "day = 2 / day = 3 / day = 4 and 15 more" in str(refusal(data, EXACT, {"day": [0, 1], "cases": [1, 1]}))


def test_min_coverage_allows_dropouts_as_nan():
    values = aligned(DAYS, EXACT, {"day": [1, 3], "cases": [5, 7]}, min_coverage=0.6)
    assert values[0] == 5
    assert math.isnan(values[1])
    assert values[2] == 7


def test_an_empty_table_matches_nothing():
    empty = pa.table({"day": pa.array([], pa.int64()), "cases": pa.array([], pa.float64())})
    assert str(refusal(DAYS, EXACT, empty, min_coverage=0.1)).startswith("matched 0 of 3")


@pytest.mark.parametrize("match", [EXACT, {"asof": "day", "tolerance": 1}, {"interpolate": "day"}])
def test_two_rows_for_one_key_are_refused(match):
    error = refusal(DAYS, match, {"day": [1, 2, 2, 3], "cases": [1, 2, 3, 4]})
    assert (error.path, "two rows for day = 2" in str(error)) == ("targets.t.match", True)


def test_asof_takes_the_nearest_row_at_or_before_within_the_tolerance():
    match = {"asof": "day", "tolerance": 0.5}
    assert aligned(DAYS, match, {"day": [0.4, 0.7, 1.2, 2.0, 2.6, 3.1], "cases": [1, 2, 3, 4, 5, 6]}) == [2, 4, 5]
    error = refusal(DAYS, match, {"day": [0.4, 2.0, 3.0], "cases": [1, 2, 3]})
    assert "no row up to 0.5 before day = 1" in str(error)


def test_interpolation_is_linear_and_exact_at_the_rows():
    output = {"day": [3.0, 0.5, 1.5], "cases": [9.0, 1.0, 3.0]}
    assert aligned(DAYS, {"interpolate": "day"}, output) == pytest.approx([2.0, 5.0, 9.0])


@pytest.mark.parametrize("days", [[1.1, 2, 3], [1, 2, 2.9]])
def test_interpolation_never_extrapolates(days):
    assert "both sides" in str(refusal(DAYS, {"interpolate": "day"}, {"day": days, "cases": [1, 2, 3]}))


WEEKS = {"t": [7, 14], "cases": [70, 140]}


def test_daily_flows_add_up_to_weeks():
    days = np.arange(1, 15)
    assert aligned(WEEKS, {"sum": "t", "period": 7}, {"t": days, "cases": days}) == [28, 77]


@pytest.mark.parametrize("days", [np.arange(1, 14), np.arange(2, 15), np.arange(1, 8)])
def test_a_week_that_is_not_wholly_simulated_is_unmatched(days):
    error = refusal(WEEKS, {"sum": "t", "period": 7}, {"t": days, "cases": days})
    assert "matched 1 of 2" in str(error)
    assert "cover the period before" in str(error)


def test_a_day_without_a_row_inside_a_simulated_period_counts_nothing():
    days = np.array([1, 2, 3, 5, 6, 7, *range(8, 15)])
    assert aligned(WEEKS, {"sum": "t", "period": 7}, {"t": days, "cases": days}) == [24, 77]


def test_rows_with_one_label_add_up():
    output = {"week": ["w1", "w2", "w1", "w3"], "cases": [1, 2, 4, 8]}
    assert aligned({"week": ["w2", "w1"], "cases": [1, 1]}, {"sum": "week"}, output) == [2, 5]


def test_groups_are_kept_apart():
    data = {"day": [1, 1, 2], "region": ["north", "south", "south"], "age": [0, 5, 5], "cases": [1, 2, 3]}
    output = {
        "day": [1, 2, 1, 2, 1],
        "region": ["south", "south", "north", "north", "west"],
        "age": [5.0, 5.0, 0.0, 0.0, 0.0],
        "cases": [1, 2, 3, 4, 5],
    }
    assert aligned(data, {"exact": "day", "by": ["region", "age"]}, output) == [3, 1, 2]
    assert aligned(data, {"interpolate": "day", "by": ["region", "age"]}, output) == [3, 1, 2]
    assert aligned(data, {"asof": "day", "tolerance": 0, "by": ["region", "age"]}, output) == [3, 1, 2]
    assert aligned(data, {"sum": "day", "by": ["region", "age"]}, output) == [3, 1, 2]
    assert aligned(data, {"sum": "day", "period": 1, "by": ["region", "age"]}, output) == [3, 1, 2]


@pytest.mark.parametrize("match", [EXACT, {"interpolate": "day"}, {"sum": "day", "period": 1}])
def test_a_group_that_the_output_lacks_is_unmatched(match):
    data = {"day": [1, 1], "region": ["north", "south"], "cases": [1, 2]}
    error = refusal(data, {**match, "by": ["region"]}, {"day": [1, 1], "region": ["north", "west"], "cases": [1, 2]})
    assert str(error).startswith("matched 1 of 2")
    assert "day = 1, region = south" in str(error)


def test_categories_and_booleans_are_groups():
    data = {"day": [1, 1], "ill": [True, False], "kind": ["a", "b"], "cases": [1, 2]}
    output = pa.Table.from_pandas(
        pd.DataFrame({"day": [1, 1], "ill": [False, True], "kind": pd.Categorical(["b", "a"]), "cases": [5, 6]})
    )
    assert aligned(data, {"exact": "day", "by": ["ill", "kind"]}, output) == [6, 5]


DATES = [dt.date(1978, 1, 22), dt.date(1978, 1, 23)]
TEXTS = ["1978-01-22", "1978-01-23"]
DATE_COLUMNS = {
    "date": pa.array(DATES),
    "date64": pa.array(DATES, pa.date64()),
    "text": pa.array(TEXTS),
    "text with times": pa.array(["1978-01-22T00:00:00", "1978-01-23 00:00Z"]),
    "datetime": pa.array([dt.datetime(1978, 1, 22), dt.datetime(1978, 1, 23)]),
    "zoned": pa.array([dt.datetime(1978, 1, 22), dt.datetime(1978, 1, 23)], pa.timestamp("ns", "UTC")),
    "pandas": pa.Table.from_pandas(pd.DataFrame({"d": pd.to_datetime(TEXTS)})).column("d"),
    "polars": pa.table(pl.DataFrame({"d": DATES})).column("d"),
    "polars text": pa.table(pl.DataFrame({"d": TEXTS})).column("d"),
    "numpy": pa.array(np.array(TEXTS, dtype="datetime64[s]")),
}


@pytest.mark.parametrize("simulated", DATE_COLUMNS)
@pytest.mark.parametrize("observed", ["date", "text", "pandas", "zoned"])
def test_dates_match_dates_of_every_type(observed, simulated):
    data = {"day": DATE_COLUMNS[observed], "cases": [1, 2]}
    assert aligned(data, EXACT, {"day": DATE_COLUMNS[simulated], "cases": [5, 6]}) == [5, 6]


def test_tolerance_and_period_are_days_for_dates():
    hours = pa.array([dt.datetime(1978, 1, 1) + dt.timedelta(hours=h) for h in range(0, 24 * 15, 6)])
    output = {"day": hours, "cases": np.ones(len(hours))}
    data = {"day": ["1978-01-08", "1978-01-15"], "cases": [1, 2]}
    assert aligned(data, {"sum": "day", "period": 7}, output) == [28, 28]
    late = {"day": ["1978-01-07T18:00", "1978-01-14T11:00"], "cases": [5, 6]}
    assert aligned(data, {"asof": "day", "tolerance": 0.6}, late) == [5, 6]
    assert "matched 1 of 2" in str(refusal(data, {"asof": "day", "tolerance": 0.5}, late))


def test_dates_and_numbers_cannot_be_compared():
    error = refusal({"day": TEXTS, "cases": [1, 2]}, EXACT, {"day": [0, 1], "cases": [1, 2]})
    assert str(error) == "column 'day' holds numbers in the output and dates in the data"
    assert error.path == "targets.t.match"


def test_a_byte_order_mark_and_blanks_in_the_header_are_no_part_of_a_name(tmp_path):
    file = tmp_path / "data.csv"
    file.write_bytes(b"\xef\xbb\xbfday, cases\n1978-01-22,3\n1978-01-23,8\n")
    data = pyarrow.csv.read_csv(file)
    output = {"day": DATES, "cases": [5, 6]}
    assert aligned(data, EXACT, output) == [5, 6]
    marked = pa.table([pa.array(DATES), pa.array([1, 2])], names=["\ufeffday", "cases"])
    assert aligned(marked, EXACT, output) == [5, 6]


def test_what_the_model_returns_is_named_when_the_output_is_not_there():
    tables = {"a": pa.table({"x": [1]}), "b": pa.table({"x": [1]})}
    with pytest.raises(BadOutput, match="does not return 'epidemic'; it returns a, b") as caught:
        plan(DAYS, EXACT, output="epidemic").aligner.align(tables)
    assert caught.value.path == "targets.t.output"
    with pytest.raises(BadOutput, match="several: a, b"):
        plan(DAYS, EXACT).aligner.align(tables)


@pytest.mark.parametrize(("column", "key"), [("day", "match"), ("cases", "value")])
def test_a_column_that_the_output_lacks_is_named_with_those_it_has(column, key):
    output = {"day": [1, 2, 3], "cases": [1, 2, 3]}
    output["other"] = output.pop(column)
    error = refusal(DAYS, EXACT, output)
    assert error.path == f"targets.t.{key}"
    assert f"has no column '{column}'" in str(error)
    assert "other" in str(error)


def test_text_where_a_value_should_be_is_a_mistake_of_the_spec():
    assert refusal(DAYS, EXACT, {"day": [1, 2, 3], "cases": ["a", "b", "c"]}).path == "targets.t.value"


@pytest.mark.parametrize("bad", [math.nan, math.inf, None])
def test_a_matched_value_that_is_not_finite_is_the_models_failure(bad):
    error = refusal(DAYS, EXACT, {"day": [1, 2, 3], "cases": pa.array([1, bad, 3], pa.float64())})
    assert error.path == ""
    assert "day = 2" in str(error)


def test_values_that_nothing_observed_may_be_nan():
    assert aligned(DAYS, EXACT, {"day": [1, 2, 3, 4], "cases": [5, 6, 7, math.nan]}) == [5, 6, 7]


def test_what_is_remembered_never_outlives_the_keys():
    aligner = plan(DAYS, EXACT).aligner
    for days, values in (
        [[1, 2, 3], [5, 6, 7]],
        [[3, 2, 1], [7, 6, 5]],
        [[1, 2, 3], [1, 2, 3]],
        [[3, 1, 2], [9, 8, 7]],
    ):
        expected = [values[days.index(day)] for day in (1, 2, 3)]
        assert aligner.align({"out": pa.table({"day": days, "cases": values})}).tolist() == expected


def test_an_aligner_survives_pickling_and_stays_small():
    aligner = plan(DAYS, EXACT).aligner
    aligner.align({"out": pa.table({"day": np.arange(10_000), "cases": np.arange(10_000)})})
    data = pickle.dumps(aligner)
    assert len(data) < 4_000
    assert pickle.loads(data).align({"out": pa.table({"day": [1, 2, 3], "cases": [5, 6, 7]})}).tolist() == [5, 6, 7]


@given(st.permutations(list(range(12))))
def test_the_order_of_rows_never_matters(order):
    days = np.array(order)
    data = {"day": [3, 7, 11], "cases": [1, 2, 3]}
    output = {"day": days, "cases": days * 2.0}
    assert aligned(data, EXACT, output) == [6, 14, 22]
    assert aligned(data, {"interpolate": "day"}, output) == [6, 14, 22]
    assert aligned(data, {"asof": "day", "tolerance": 1}, output) == [6, 14, 22]
    assert aligned(data, {"sum": "day", "period": 2}, output) == [10, 26, 42]
