from __future__ import annotations

import math
from datetime import date, datetime
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelops_runtime.contracts.dates import days
from modelops_runtime.contracts.wording import fmt, plus_minus
from modelops_runtime.results.report.loss_axis import loss_axis
from modelops_runtime.results.report.plot import svg
from modelops_runtime.results.report.plot.scales import (
    Scale,
    date_ticks,
    linear_ticks,
    log_ticks,
    thinned,
    whole_ticks,
)

finite = st.floats(-1e9, 1e9, allow_nan=False)


def test_a_scale_maps_its_ends_onto_its_pixels():
    scale = Scale(10, 20, 0, 100)
    assert [scale(10), scale(15), scale(20)] == [0, 50, 100]
    assert scale.held(25) == 100
    logarithmic = Scale(1, 100, 200, 0, log=True)
    assert [round(logarithmic(v), 9) for v in (1, 10, 100)] == [200, 100, 0]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e9), st.integers(2, 10))
def test_linear_ticks_lie_inside_evenly_and_are_few(low, span, wanted):
    ticks = [tick.at for tick in linear_ticks(low, low + span, wanted)]
    assert len(ticks) <= wanted + 1
    assert all(low - span * 1e-6 <= tick <= low + span * (1 + 1e-6) for tick in ticks)
    gaps = np.diff(ticks)
    assert np.allclose(gaps, gaps[:1], rtol=1e-3) if len(gaps) else True


@given(st.floats(1e-6, 1e6), st.floats(1.01, 1e9))
def test_log_ticks_lie_inside(low, factor):
    ticks = [tick.at for tick in log_ticks(low, low * factor)]
    assert all(low * 0.999999 <= tick <= low * factor * 1.000001 for tick in ticks)
    assert len(ticks) <= 8


def test_ticks_have_the_decimals_of_their_step():
    assert [t.text for t in linear_ticks(0, 1, 5)] == ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]
    assert [t.text for t in linear_ticks(-2_000, 0, 2)] == ["−2,000", "−1,000", "0"]
    assert [t.text for t in log_ticks(0.5, 5, 4)] == ["0.5", "1", "2", "5"]
    assert [t.text for t in whole_ticks(0, 3, 8)] == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (date(1978, 1, 22), date(1978, 2, 4), ["22 Jan", "27 Jan", "1 Feb"]),
        (date(2020, 3, 1), date(2020, 12, 31), ["Apr 2020", "Jul 2020", "Oct 2020"]),
        (date(2001, 5, 1), date(2021, 5, 1), ["2005", "2010", "2015", "2020"]),
        (
            datetime(2020, 3, 1, 8),
            datetime(2020, 3, 1, 20),
            ["08:00", "10:00", "12:00", "14:00", "16:00", "18:00", "20:00"],
        ),
    ],
)
def test_dates_get_ticks_that_people_would_choose(low, high, texts):
    assert [tick.text for tick in date_ticks(days(low), days(high), 4)] == texts


def test_days_count_dates_and_times_alike():
    assert days(date(1970, 1, 2)) == 1
    assert days(datetime(1970, 1, 2, 12)) == 1.5


def test_a_line_breaks_where_a_value_is_missing():
    assert svg.line([(0, 1), (1, 2), (2, math.nan), (3, 4), (4, 5)], "c") == '<path class="c" d="M0 1L1 2M3 4L4 5"/>'


def test_a_band_leaves_out_what_is_missing_and_draws_a_lone_place():
    areas = svg.band([0, 10, 20, 30], [1, 1, math.nan, 1], [2, 2, 2, 2], "c")
    assert areas == '<path class="c" d="M0 2L10 2L10 1L0 1ZM27 1H33V2H27Z"/>'


def test_nothing_to_draw_draws_nothing():
    assert svg.line([], "c") == svg.dots([], "c") == svg.band([], [], [], "c") == svg.steps([], 3, "c") == ""


def test_texts_are_escaped():
    piece = svg.text(0, 0, "<b>&", "c") + svg.diamond((1, 1), "gem", '"<x>')
    assert "<b>" not in piece
    ElementTree.fromstring(f"<svg>{piece}</svg>")


def test_positive_losses_over_a_wide_range_get_a_logarithmic_axis():
    assert loss_axis([1.0, 500.0]).log
    assert not loss_axis([100.0, 500.0]).log
    assert not loss_axis([-1.0, 500.0]).log


def test_a_few_very_bad_losses_do_not_flatten_the_others():
    axis = loss_axis([*map(float, range(-50, 50)), 1e6])
    assert axis.above == 1
    assert axis.high < 200


@pytest.mark.parametrize("losses", [[3.0], [3.0, 3.0, 3.0], [0.0], [-1e-12, 0.0]])
def test_equal_losses_still_have_an_axis(losses):
    axis = loss_axis(losses)
    assert axis.low < min(losses) <= max(losses) < axis.high


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1"), (1066.4, "1,066"), (0.42871, "0.4287"), (-2.5, "−2.5"), (763, "763"), (1_000_000, "1,000,000"),
     (True, "true"), ("gamma", "gamma"), (None, "–"), (1e-7, "1.000e−07"), (float("nan"), "nan")],
)  # fmt: skip
def test_values_are_worded_shortly(value, text):
    assert fmt(value) == text


@pytest.mark.parametrize(
    ("value", "se", "text"),
    [(1274.3, 63.7, "1,274 ± 64"), (48.123, 0.4567, "48.12 ± 0.46"), (5.0, None, "5"), (5.0, 0.0, "5"), (5.0, 1.0, "5.0 ± 1.0"),
     (12.0, float("inf"), "12")],
)  # fmt: skip
def test_a_value_has_the_decimals_of_its_error(value, se, text):
    assert plus_minus(value, se) == text


@given(st.integers(0, 500), st.integers(2, 50))
def test_thinning_keeps_the_ends_and_the_number(count, most):
    kept = thinned(count, most)
    assert len(kept) == min(count, most)
    if count:
        assert (kept[0], kept[-1]) == (0, count - 1)
