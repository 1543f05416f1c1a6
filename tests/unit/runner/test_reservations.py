"""Which reservation a worker foresees, so that it is made with its proposal."""

from __future__ import annotations

from dataclasses import replace

from modelops_runtime.ledger.base import Lease
from modelops_runtime.runner.reservations import following

FIRST = Lease(
    run_id="r", phase="search", number=3, lease_no=1, draw=1, params={"b": 1.0}, known=4, incumbent=0,
    algorithm_state={"x": 1},
)  # fmt: skip


def test_the_next_number_and_draw_are_foreseen_with_nothing_of_this_ones():
    expected = following(FIRST, None)
    assert expected is not None
    assert (expected.number, expected.draw, expected.lease_no) == (4, 2, 1)
    assert (expected.params, expected.algorithm_state) == (None, None)


def test_one_worker_foresees_all_of_its_own():
    assert following(replace(FIRST, number=4, draw=2), FIRST) is not None


def test_where_another_worker_reserved_in_between_nothing_is():
    assert following(replace(FIRST, number=5, draw=3), FIRST) is None


def test_behind_a_given_set_or_a_number_that_was_given_back_nothing_is():
    assert following(replace(FIRST, draw=None), None) is None
    assert following(replace(FIRST, lease_no=2), None) is None
