"""When a run stops, who is confirmed, how much is kept under way."""

from __future__ import annotations

from modelops_runtime.runner import rules
from modelops_runtime.runner.search import SearchStatus
from modelops_runtime.runner.setup.settings import StopRules
from tests.unit.runner.records import trial


def status(*losses: float | None) -> SearchStatus:
    made = SearchStatus()
    for number, loss in enumerate(losses):
        made.add(trial(number, loss))
    return made


class TestTooManyFailed:
    def test_is_not_judged_before_the_tenth_trial(self) -> None:
        assert rules.too_many_failed(status(*[None] * 9), 0.5) is None
        assert rules.too_many_failed(status(*[None] * 10), 0.5) is not None

    def test_a_share_equal_to_the_limit_is_accepted(self) -> None:
        assert rules.too_many_failed(status(*[None, 1.0] * 5), 0.5) is None
        assert rules.too_many_failed(status(*[None, 1.0] * 5, None), 0.5) is not None

    def test_one_never_stops(self) -> None:
        assert rules.too_many_failed(status(*[None] * 50), 1.0) is None

    def test_names_the_commonest_error_with_its_count(self) -> None:
        text = rules.too_many_failed(status(*[None] * 11, 2.0), 0.5)
        assert (
            text
            == "11 of 12 trials failed (max_failed is 0.5); the commonest (11 of them): MODEL_ERROR: ValueError: no"
        )

    def test_says_what_share_of_simulations_that_is(self) -> None:
        text = rules.too_many_failed(status(*[None] * 83, *[1.0] * 17), 0.5, 5)
        assert text is not None
        assert "fails in 30 % of its simulations fails 1 - 0.7^5 = 83 % of its trials" in text
        everything = rules.too_many_failed(status(*[None] * 20), 0.5, 5)
        assert everything is not None
        assert "simulations" not in everything


class TestReasonToStop:
    def test_no_rule_no_stop(self) -> None:
        assert rules.reason_to_stop(status(1.0), StopRules(), 1e9) is None

    def test_a_loss_that_is_reached(self) -> None:
        assert rules.reason_to_stop(status(3.0, 2.0), StopRules(loss=1.9), 0) is None
        assert rules.reason_to_stop(status(3.0, 2.0), StopRules(loss=2.0), 0) == "loss 2 reached the wanted 2"

    def test_a_plateau_counts_finished_trials_after_the_best(self) -> None:
        assert rules.reason_to_stop(status(1.0, 2.0, None), StopRules(plateau=3), 0) is None
        assert rules.reason_to_stop(status(1.0, 2.0, None, 3.0), StopRules(plateau=3), 0) is not None

    def test_time_in_seconds(self) -> None:
        assert rules.reason_to_stop(status(), StopRules(time_s=10), 9.9) is None
        assert rules.reason_to_stop(status(), StopRules(time_s=10), 10.0) is not None


class TestFinalists:
    def test_are_the_lowest_losses_that_were_not_stopped_early(self) -> None:
        trials = [trial(0, 3.0), trial(1, 1.0, stopped_early=True), trial(2, 2.0), trial(3, None), trial(4, 4.0)]
        assert rules.finalists(trials, 2) == [2, 0]

    def test_a_set_that_was_asked_twice_is_confirmed_once(self) -> None:
        first, again = trial(0, 1.0), trial(1, 1.0)
        again = trial(1, 1.0, params=first.params, param_id=first.param_id)
        assert rules.finalists([first, again, trial(2, 5.0)], 2) == [0, 2]

    def test_top_zero_confirms_nothing(self) -> None:
        assert rules.finalists([trial(0)], 0) == []


def test_twice_the_slots_are_kept_under_way_while_simulations_are_short() -> None:
    assert rules.tasks_wanted(2, None) == 4
    assert rules.tasks_wanted(2, 0.01) == 4
    assert rules.tasks_wanted(2, 10.0) == 2
    assert rules.tasks_wanted(0, None) == 2


class TestSearchStatus:
    def test_a_set_that_was_stopped_early_is_never_the_best(self) -> None:
        made = SearchStatus()
        made.add(trial(0, 5.0))
        made.add(trial(1, 1.0, stopped_early=True))
        assert made.best is not None
        assert made.best.number == 0
        assert made.stopped_early == 1

    def test_of_two_equals_the_earlier_one_is_the_best(self) -> None:
        best = status(2.0, 2.0).best
        assert best is not None
        assert best.number == 0


def known(count: int, *, se: float | None = None) -> list[tuple[tuple[float, ...], float, float | None]]:
    """Sets along a line whose losses rise from the middle, 400 to either end."""
    return [((n / (count - 1),), 60 + 1_600 * (n / (count - 1) - 0.5) ** 2, se) for n in range(count)]


def test_replicates_are_most_near_the_best_and_fewest_far_away_and_at_first():
    def many(place: float, results: list[tuple[tuple[float, ...], float, float | None]]) -> int:
        return rules.replicates_for((place,), results, least=10, most=200, resolution=2.0)

    results = known(201)
    assert [many(place, results) for place in (0.5, 0.52, 1.0)] == [200, 200, 10]
    numbers = [many(0.5 + step / 100, results) for step in range(50)]
    assert numbers == sorted(numbers, reverse=True)
    assert any(10 < number < 200 for number in numbers)
    assert many(0.5, results[:9]) == 10
    shares = [many(0.6, known(201, se=se)) for se in (0.1, 2.0, 8.0)]
    assert shares == sorted(shares), "where losses are noisier, sets further away may be the best"


def test_replicates_of_a_distance_follow_its_errors_alone():
    def many(se: float) -> int:
        return rules.replicates_for(
            (0.5,), [((0.5,), 100.0 + n, se) for n in range(12)], least=5, most=50, resolution=0.0
        )

    assert many(10.0) == 50
    assert many(1e-3) == 5
