"""An algorithm kept in step with ledger rows: a replayed one and a live one agree."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from modelops_runtime.contracts.errors import AlgorithmError
from modelops_runtime.contracts.parameters import UniqueParameterSet
from modelops_runtime.contracts.trial import TrialResult
from modelops_runtime.ledger.base import Trial
from modelops_runtime.runner.search import Search
from tests.unit.runner.records import settings, trial


class Wanderer:
    """Counts its own asks and depends on all that it was told, in order: as awkward to replay as can be."""

    def __init__(self) -> None:
        self.random = random.Random(3)
        self.told: list[tuple[int, float | None]] = []

    def ask(self, n: int) -> list[UniqueParameterSet]:
        bias = sum(loss or 0 for _, loss in self.told) % 1
        return [UniqueParameterSet.of({"x": (self.random.random() + bias) % 1}) for _ in range(n)]

    def tell(self, results: Sequence[TrialResult]) -> None:
        self.told += [(int(str(r.diagnostics["trial"])), r.loss) for r in results]

    def finished(self) -> bool:
        return False


class Ledgerlike:
    """The rows that a run with `slots` trials at once leaves, with the ledger's rule for `seq`."""

    def __init__(self) -> None:
        self.rows: dict[int, Trial] = {}
        self.seq = 0

    def propose(self, number: int, params: Mapping[str, Any], draw: int | None) -> None:
        self.seq += 1
        self.rows[number] = trial(
            number,
            None,
            params=params,
            draw=draw,
            origin="guess" if draw is None else "ask",
            proposed_seq=self.seq,
            finished_seq=None,
        )

    def finish(self, number: int, loss: float | None) -> None:
        self.seq += 1
        old = self.rows[number]
        param_id = UniqueParameterSet.of(old.params or {}).param_id
        self.rows[number] = trial(
            number,
            loss,
            params=old.params,
            draw=old.draw,
            origin=old.origin,
            param_id=param_id,
            proposed_seq=old.proposed_seq,
            finished_seq=self.seq,
        )

    def changes(self, after: int) -> list[Trial]:
        return [t for t in self.rows.values() if (t.finished_seq or t.proposed_seq or 0) > after]


NOTHING_QUEUED: Mapping[int, float] = {}


def play(
    search: Search,
    ledger: Ledgerlike,
    upto: int,
    *,
    slots: int,
    order: random.Random,
    queued: Mapping[int, float] = NOTHING_QUEUED,
) -> None:
    """Ask and finish trials until there are `upto`, `slots` at once, finishing in a random order.

    `queued`: trials that take a set from the queue in place of a draw.
    """
    running = [n for n, t in ledger.rows.items() if t.finished_seq is None]
    search.learn(ledger.changes(search.seq))
    while len(ledger.rows) < upto:
        number = len(ledger.rows)
        while len(running) >= slots or (number not in queued and not search.may_ask(number)):
            done = running.pop(order.randrange(len(running)))
            x = float(str((ledger.rows[done].params or {})["x"]))
            ledger.finish(done, (x - 0.3) ** 2 if done % 7 else None)
            search.learn(ledger.changes(search.seq))
        draw = None if number in queued else number - sum(taken < number for taken in queued)
        params = {"x": queued[number]} if draw is None else search.ask(number, draw)
        assert params is not None
        ledger.propose(number, params, draw)
        running.append(number)
        search.learn(ledger.changes(search.seq))


def asked(ledger: Ledgerlike) -> list[float]:
    return [float(str((t.params or {})["x"])) for _, t in sorted(ledger.rows.items())]


@pytest.mark.parametrize("killed_after", [1, 2, 9, 17])
def test_at_one_slot_a_replayed_search_goes_on_as_if_never_stopped(killed_after: int) -> None:
    calm = Ledgerlike()
    play(Search(Wanderer(), settings()), calm, 20, slots=1, order=random.Random(0))
    killed = Ledgerlike()
    play(Search(Wanderer(), settings()), killed, killed_after, slots=1, order=random.Random(0))
    play(Search(Wanderer(), settings()), killed, 20, slots=1, order=random.Random(0))
    assert asked(killed) == asked(calm)


@pytest.mark.parametrize("slots", [2, 5])
@pytest.mark.parametrize("killed_after", [None, 8])
def test_with_a_lag_any_number_of_slots_makes_one_search(slots: int, killed_after: int | None) -> None:
    lagging = settings(lag=5)
    calm = Ledgerlike()
    play(Search(Wanderer(), lagging), calm, 25, slots=1, order=random.Random(0))
    other = Ledgerlike()
    if killed_after:
        play(Search(Wanderer(), lagging), other, killed_after, slots=slots, order=random.Random(1))
    play(Search(Wanderer(), lagging), other, 25, slots=slots, order=random.Random(2))
    assert asked(other) == asked(calm)


QUEUED = {0: 0.9, 4: 0.11, 5: 0.33, 9: 0.31, 13: 0.5}


@pytest.mark.parametrize("killed_after", [None, 1, 4, 5, 6, 9, 10, 17])
def test_sets_from_the_queue_leave_a_replayed_search_exact(killed_after: int | None) -> None:
    calm = Ledgerlike()
    play(Search(Wanderer(), settings()), calm, 20, slots=1, order=random.Random(0), queued=QUEUED)
    killed = Ledgerlike()
    if killed_after:
        play(Search(Wanderer(), settings()), killed, killed_after, slots=1, order=random.Random(0), queued=QUEUED)
    play(Search(Wanderer(), settings()), killed, 20, slots=1, order=random.Random(0), queued=QUEUED)
    assert asked(killed) == asked(calm)
    assert {number: asked(calm)[number] for number in QUEUED} == QUEUED


@pytest.mark.parametrize("slots", [2, 5])
@pytest.mark.parametrize("killed_after", [None, 8])
def test_with_a_lag_sets_from_the_queue_leave_one_search_too(slots: int, killed_after: int | None) -> None:
    lagging = settings(lag=5)
    calm = Ledgerlike()
    play(Search(Wanderer(), lagging), calm, 25, slots=1, order=random.Random(0), queued=QUEUED)
    other = Ledgerlike()
    if killed_after:
        play(Search(Wanderer(), lagging), other, killed_after, slots=slots, order=random.Random(1), queued=QUEUED)
    play(Search(Wanderer(), lagging), other, 25, slots=slots, order=random.Random(2), queued=QUEUED)
    assert asked(other) == asked(calm)


def test_what_the_algorithm_draws_does_not_depend_on_sets_that_took_no_draw() -> None:
    """An algorithm that learns nothing (a design) makes all its points, in its order, whatever was queued between them."""

    class Design(Wanderer):
        def tell(self, results: Sequence[TrialResult]) -> None:
            pass

    alone, mixed = Ledgerlike(), Ledgerlike()
    play(Search(Design(), settings()), alone, 15, slots=2, order=random.Random(0))
    play(Search(Design(), settings()), mixed, 20, slots=2, order=random.Random(0), queued=QUEUED)
    drawn = [x for number, x in enumerate(asked(mixed)) if number not in QUEUED]
    assert drawn == asked(alone)


def test_a_failed_trial_is_told_the_worst_loss_so_far_or_nothing() -> None:
    for on_failure, expected in (("worst", 4.0), ("ignore", None)):
        algorithm = Wanderer()
        search = Search(algorithm, settings(on_failure=on_failure))
        search.learn([trial(0, 4.0), trial(1, 2.0), trial(2, None)])
        assert algorithm.told[-1] == (2, expected)


def test_what_is_proposed_and_not_finished_is_pending() -> None:
    search = Search(Wanderer(), settings())
    search.learn([trial(0, 1.0), trial(1, 1.0, finished_seq=None)])
    assert set(search.pending) == {1}
    assert search.unfinished == {1}


def test_a_proposal_outside_the_space_is_refused() -> None:
    class Outside(Wanderer):
        def ask(self, n: int) -> list[UniqueParameterSet]:
            return [UniqueParameterSet.of({"x": 2.0})]

    with pytest.raises(AlgorithmError, match=r"x = 2.0, outside \[0.0, 1.0\]"):
        Search(Outside(), settings()).ask(0, 0)


def test_with_a_lag_nothing_is_told_while_a_lower_number_may_still_be_asked_for() -> None:
    """Trial 5 was reserved by a worker that stopped: whoever takes it over must not know more than it would have."""
    ledger = Ledgerlike()
    for number in range(5):
        ledger.propose(number, {"x": number / 10}, number)
        ledger.finish(number, float(number))
    wanderer = Wanderer()
    search = Search(wanderer, settings(lag=2))
    search.learn(ledger.changes(0))
    assert not search.may_ask(6)
    assert search.may_ask(5)
    assert [number for number, _ in wanderer.told] == [0, 1, 2, 3]


def test_an_algorithm_that_keeps_a_state_for_each_trial_is_not_asked_ahead() -> None:
    """The state of an ask for a number that then takes a queued set would be stored as the set's."""

    class Remembering(Wanderer):
        def at_trial(self, number: int, draw: int) -> None:
            pass

        def state_of(self, number: int) -> Mapping[str, object] | None:
            return None

        def restore(self, number: int, state: Mapping[str, object]) -> None:
            pass

    class ByNumber(Wanderer):
        def at_trial(self, number: int, draw: int) -> None:
            pass

    assert Search(ByNumber(), settings()).asks_by_number
    assert not Search(Wanderer(), settings()).asks_by_number
    assert not Search(Remembering(), settings()).asks_by_number
