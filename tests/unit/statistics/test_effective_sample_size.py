"""What is said of a loss that rests on too few of its replicates."""

from __future__ import annotations

import math

import pytest

from modelops_runtime.statistics.effective_sample_size import (
    grown,
    is_too_small,
    replicates_wanted,
    rests_on,
    what_to_do,
    why_no_error,
)


def test_below_five_is_too_small_and_what_is_not_known_is_not():
    assert [is_too_small(size) for size in (1.07, 4.99, 5.0, 80.0, None)] == [True, True, False, False, False]
    assert why_no_error(None, 100) == why_no_error(5.0, 100) == ""
    assert why_no_error(1.07, 1_500) == f"its error is unknown: the loss {rests_on(1.07, 1_500)}"
    assert rests_on(4.97, 400).startswith("rests on 4.9 of its 400 replicates")
    assert rests_on(1.07, 1_500) == "rests on 1.1 of its 1,500 replicates (effective sample size; an error needs 5)"


@pytest.mark.parametrize(("effective", "replicates"), [(1.5, 20), (2.3, 50), (4.0, 400)])
def test_as_many_replicates_as_are_asked_for_have_an_effective_sample_size_of_five(effective, replicates):
    wanted = replicates_wanted(effective, replicates)
    assert 5 <= grown(effective, replicates, int(wanted)) < 5.7
    assert f"about {wanted:,} replicates (search.confirm.replicates)" in what_to_do(effective, replicates)


def test_where_all_rests_on_one_replicate_no_number_of_them_helps():
    assert replicates_wanted(1.0, 100) == math.inf
    for effective in (1.0, 1.0000001, 1.07):
        assert what_to_do(effective, 100).startswith("more replicates hardly help: add observations up")
        assert what_to_do(effective, 4).startswith(
            "confirm on more replicates (search.confirm.replicates); where they do"
        )
    assert rests_on(1.0, 1) == "rests on a single replicate (an error needs 5)"
