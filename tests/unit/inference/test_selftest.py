"""Recovery, coverage and verdicts by hand-computed numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import pytest

from modelops_runtime.inference.intervals import Interval, Intervals
from modelops_runtime.inference.ridges import Ridge
from modelops_runtime.inference.searched import Searched
from modelops_runtime.inference.selftest import Repeat, SelfTest
from modelops_runtime.inference.selftest_recovery import coverage_interval, recoveries, surely_above, together
from modelops_runtime.results.selftest_text import report_lines

A = Searched(name="a", low=0.0, high=10.0)
OPEN = Interval(name="a", low_open=True, high_open=True, reason="any value of its range fits about as well")
NONE = Interval(name="a", reason="too few trials")


def between(low: float, high: float) -> Interval:
    return Interval(name="a", low=low, high=high, estimate=(low + high) / 2)


def repeats(truth: Sequence[object], found: Sequence[object], stated: Sequence[Interval | None]) -> list[Repeat]:
    return [
        Repeat(
            number=at,
            run_id=f"run-{at}",
            truth={"a": t},  # type: ignore[dict-item]
            found={"a": f},  # type: ignore[dict-item]
            intervals=None if i is None else Intervals(method="m", level=0.95, parameters=(i,)),
        )
        for at, (t, f, i) in enumerate(zip(truth, found, stated, strict=True), 1)
    ]


FIVE = repeats(
    [1.0, 3.0, 5.0, 7.0, 9.0], [2.0, 3.0, 5.0, 7.0, 8.0], [between(0, 4), between(2, 4), between(5.5, 7), OPEN, NONE]
)


def test_recovery_by_hand() -> None:
    (a,) = recoveries([A], FIVE)
    assert a.bias == pytest.approx(0.0)
    assert a.rmse == pytest.approx(math.sqrt(2 / 5))
    assert a.rmse_share == pytest.approx(math.sqrt(2 / 5) / 10)
    assert a.correlation == pytest.approx(32 / math.sqrt(40 * 26))
    assert a.rank_correlation == pytest.approx(1.0)
    assert (a.intervals, a.held, a.open, a.none, a.reason) == (3, 2, 1, 1, "too few trials")
    assert a.coverage == pytest.approx(2 / 3)
    assert (a.coverage_low, a.coverage_high) == (pytest.approx(0.0943, abs=1e-4), pytest.approx(0.9916, abs=1e-4))
    assert a.width == pytest.approx(0.4), "of 0.4, 0.2, 0.15, and twice the whole range"
    assert (a.told, a.verdict) == (2, "weakly identified"), "[2, 4]; and 8, without an interval, is near 9"


def test_numbers_are_on_the_parameters_own_scale() -> None:
    wide = Searched(name="a", low=1.0, high=100.0, scale="log")
    (a,) = recoveries([wide], repeats([1.0, 10.0], [math.e, 10 * math.e], [between(1, 10), between(1, 10)]))
    assert a.bias == pytest.approx(1.0)
    assert a.rmse_share == pytest.approx(1 / math.log(100))
    assert a.width == pytest.approx(0.5)
    odds = Searched(name="a", low=0.1, high=0.9, scale="logit")
    (b,) = recoveries([odds], repeats([0.5], [0.9], [NONE]))
    assert b.bias == pytest.approx(math.log(9))


def test_coverage_has_clopper_and_pearsons_interval() -> None:
    assert coverage_interval(10, 10) == (pytest.approx(0.025 ** (1 / 10)), 1.0)
    assert coverage_interval(0, 10) == (0.0, pytest.approx(1 - 0.025 ** (1 / 10)))


@pytest.mark.parametrize(
    ("told", "verdict"), [(10, "identified"), (8, "identified"), (7, "weakly identified"), (3, "not identified")]
)
def test_the_verdict_follows_from_how_many_repeats_tell(told: int, verdict: str) -> None:
    stated = [between(4, 6)] * told + [OPEN] * (10 - told)
    (a,) = recoveries([A], repeats([5.0] * 10, [5.0] * 10, stated))
    assert (a.told, a.verdict) == (told, verdict)
    assert f"a is {verdict}: {told} of 10 repeats" in a.says
    assert a.correlation is None, "nothing varies"


def test_found_values_that_follow_the_true_ones_identify_weakly() -> None:
    """With r of 0.9 and 12 pairs: tanh(1.472 - 1.96 / 3) = 0.674."""
    assert surely_above(0.9, 12) == pytest.approx(0.6745, abs=1e-3)
    assert surely_above(1.0, 3) == -1.0
    assert surely_above(-1.0, 12) < -0.9
    truth = [float(t) for t in range(10)]
    (a,) = recoveries([A], repeats(truth, truth, [between(0, 9)] * 10))
    assert (a.verdict, a.told) == ("weakly identified", 0)
    assert "follow the true ones (rank correlation 1.00), and 0 of 10 repeats recover it" in a.says
    (b,) = recoveries([A], repeats(truth, [3.0, 1.0, 4.0, 1.5, 5.0, 9.0, 2.0, 6.0, 5.5, 3.5], [between(0, 9)] * 10))
    assert b.rank_correlation == pytest.approx(1 - 6 * 86 / 990)
    assert b.verdict == "not identified"
    nine = recoveries([A], repeats(truth[:9], truth[:9], [between(0, 9)] * 9))
    half_open = recoveries([A], repeats(truth, truth, [OPEN] * 5 + [between(0, 9)] * 5))
    for few in (nine, half_open):
        assert few[0].verdict == "not identified", "too few, or half of them open"


def test_narrow_intervals_elsewhere_identify_nothing_and_are_called_too_narrow() -> None:
    (a,) = recoveries([A], repeats([5.0] * 10, [1.0] * 10, [between(0, 2)] * 9 + [between(4, 6)]))
    assert a.verdict == "not identified"
    assert a.too_narrow
    assert "too narrow: 1 of 10 contain the true value, where 95% should" in a.says


def test_a_value_that_is_found_without_an_interval_identifies_nothing() -> None:
    """Six of six on the spot, and no interval in any of them."""
    truth = [1.0, 2.0, 4.0, 5.0, 7.0, 9.0]
    (a,) = recoveries([A], repeats(truth, truth, [NONE] * 6))
    assert a.verdict == "no interval"
    assert a.says == (
        "a: no interval could be computed in any of 6 repeats (most often: too few trials), so whether it is identified is not"
        " known."
    )
    (b,) = recoveries([A], repeats(truth, truth, [None] * 6))
    assert "identified:" not in b.says
    stated = [NONE, NONE, *(between(t - 1, t + 1) for t in truth[2:])]
    (c,) = recoveries([A], repeats(truth, truth, stated))
    assert (c.verdict, c.told, c.told_closed, c.told_alone) == ("weakly identified", 6, 4, 2), "4 of 6 are too few"
    assert c.says == (
        "a is weakly identified: the values found follow the true ones (rank correlation 1.00), and 6 of 6 repeats recover"
        " it, 2 of them only by the value found. In 2, no interval could be computed; most often: too few trials."
    )


def test_intervals_with_an_open_end_do_not_identify() -> None:
    half = Interval(name="a", low=0.0, high=2.0, estimate=1.0, low_open=True)
    (a,) = recoveries([A], repeats([1.0] * 10, [1.0] * 10, [half] * 10))
    assert (a.verdict, a.told, a.told_closed) == ("weakly identified", 10, 0)
    (b,) = recoveries([A], repeats([1.0] * 10, [1.0] * 10, [between(0, 2)] * 8 + [half] * 2))
    assert b.verdict == "identified"


def test_a_true_value_outside_the_range_is_said_to_be_where_no_search_can_find_it() -> None:
    narrow = Searched(name="a", low=3.0, high=5.0)
    (a,) = recoveries([narrow], repeats([6.0] * 5, [5.0] * 5, [OPEN] * 5))
    assert (a.outside, a.open) == (5, 0)
    assert a.says == (
        "a is not identified: 0 of 5 repeats recover it. In 5, the true value lies outside the searched range [3, 5]: no search"
        " can find it."
    )


def test_a_choice_is_told_by_finding_it() -> None:
    shape = Searched(name="a", choices=(1, True, "x"))
    (a,) = recoveries([shape], repeats([1, 1, "x", "x", True, True], [1, True, "x", "x", True, True], [None] * 6))
    assert (a.told, a.repeats, a.verdict) == (5, 6, "identified"), "1 is not True"
    assert "5 of 6 repeats recover it" in a.says


def test_few_repeats_say_nothing() -> None:
    (a,) = recoveries([A], FIVE[:4])
    assert a.verdict == "too few repeats"
    (b,) = recoveries([A], [])
    assert (b.repeats, b.rmse, b.coverage, b.width) == (0, None, None, None)


def test_repeats_without_an_answer_do_not_count_and_are_named() -> None:
    failed = Repeat(number=6, run_id="run-6", truth={"a": 1.0}, found={}, reason="all trials failed")
    assert recoveries([A], [*FIVE, failed]) == recoveries([A], FIVE)
    assert "  repeat 6 gave no answer: all trials failed" in report_lines(report_of([*FIVE, failed]))


def test_ridges_that_are_common_are_told() -> None:
    ridge = Ridge(names=("a", "b"), fixed="a × b", value=2.0, flatness=0.001)
    rare = Ridge(names=("b", "c"), fixed="b / c", value=2.0, flatness=0.001)
    stated = [(ridge,), (ridge, rare), (ridge,), (), ()]
    with_ridges = [
        Repeat(
            number=at,
            run_id="r",
            truth={"a": 1.0},
            found={"a": 1.0},
            intervals=Intervals(method="m", level=0.95, parameters=(NONE,), ridges=ridges),
        )
        for at, ridges in enumerate(stated, 1)
    ]
    (found,) = together(with_ridges)
    assert (found.names, found.fixed, found.repeats) == (("a", "b"), "a × b", 3)
    assert found.says == "In 3 repeats, the data fixed a × b rather than a and b apart."


def report_of(done: list[Repeat]) -> SelfTest:
    return SelfTest(
        name="line",
        repeats=tuple(done),
        parameters=recoveries([A], done),
        together=together(done),
        asked=len(done),
        trials=60,
        replicates=3,
        seed=1,
        noise={"y": "as it is"},
    )


def test_the_report_is_text_and_strict_json() -> None:
    lines = report_lines(report_of(FIVE))
    assert lines[0] == "line: self-test of 5 repeats, 60 trials of 3 replicates each (seed 1)"
    (row,) = [line for line in lines if line.startswith("a ")][:1]
    assert "2 of 3" in row
    assert "67%" in row
    assert "9% to 99%" in row
    back = json.loads(json.dumps(report_of(FIVE).as_json(), allow_nan=False))
    assert back["parameters"][0]["held"] == 2
    assert back["repeats"][2]["intervals"]["parameters"][0]["low"] == 5.5
