"""What of a pod's log is new, when it is opened a second time."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from mops.cluster.follow_logs import Tail, sortable_timestamp


def stamped(nanoseconds: int) -> str:
    """As a node writes it: without the zeros at the end."""
    seconds, rest = divmod(nanoseconds, 10**9)
    fraction = f".{rest:09d}".rstrip("0").rstrip(".")
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"


times = st.integers(min_value=10**18, max_value=2 * 10**18)


@given(times, times)
def test_timestamps_sort_as_their_times_do(one: int, other: int) -> None:
    assert (sortable_timestamp(stamped(one)) < sortable_timestamp(stamped(other))) == (one < other)


@given(st.lists(times, unique=True).map(sorted), st.data())
def test_a_log_that_is_opened_again_shows_each_line_once(at: list[int], data: st.DataObject) -> None:
    log = [f"{stamped(time)} line {number}" for number, time in enumerate(at)]
    cut = data.draw(st.integers(0, len(log)))
    again = data.draw(st.integers(0, cut))
    tail = Tail("pod", None)
    shown = [tail.new_line(raw, 0.0) for raw in log[:cut] + log[again:]]
    assert [line for line in shown if line is not None] == [f"line {number}" for number in range(len(log))]


@given(times)
def test_what_a_node_says_of_a_log_hides_no_later_line(at: int) -> None:
    tail = Tail("pod", None)
    assert tail.new_line("unable to retrieve container logs for containerd://0", 0.0) is None
    assert tail.new_line("", 0.0) is None
    assert tail.new_line(f"{stamped(at)} line", 0.0) == "line"
