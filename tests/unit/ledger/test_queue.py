"""Queued sets and pauses, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.ledger.base import Lease, Ledger, Run, RunState
from modelops_runtime.ledger.connection import ConnectionLost, Params
from modelops_runtime.ledger.sql_ledger import SqlLedger
from tests.unit.ledger.builders import RUN, a_run, an_end, finished, reserved, seqs, taken_over

Open = Callable[[], Ledger]


def state(ledger: Ledger) -> Run:
    run = ledger.get_run(RUN)
    assert run is not None
    return run


def sets(*values: Scalar) -> list[dict[str, Scalar]]:
    return [{"beta": value, "kind": "gämma"} for value in values]


def taken(ledger: Ledger, leases: Sequence[Lease]) -> list[tuple[int, int | None, Scalar | None]]:
    """Number, draw and the queued set's beta."""
    found = [(lease, ledger.queued_set(lease)) for lease in leases]
    return [(lease.number, lease.draw, set_["beta"] if set_ else None) for lease, set_ in found]


class TestQueue:
    def test_sets_take_the_next_numbers_in_their_order_and_no_draw_is_left_out(self, ledger: Ledger):
        ledger.create_run(a_run(trials=8))
        first = [reserved(ledger, guesses=1) for _ in range(2)]
        ledger.enqueue(RUN, sets(0.25, 7))
        assert state(ledger).queued == 2
        second = [reserved(ledger, guesses=1) for _ in range(3)]
        assert state(ledger).queued == 0
        ledger.enqueue(RUN, sets(True))
        third = [reserved(ledger, guesses=1) for _ in range(3)]
        assert taken(ledger, [*first, *second, *third]) == [
            (0, None, None),
            (1, 0, None),
            (2, None, 0.25),
            (3, None, 7),
            (4, 1, None),
            (5, None, True),
            (6, 2, None),
            (7, 3, None),
        ]
        assert [t.origin for t in ledger.trials(RUN)] == [
            *["guess", "ask", "guess", "guess"],
            *["ask", "guess", "ask", "ask"],
        ]

    def test_the_specs_guesses_come_first(self, ledger: Ledger):
        ledger.create_run(a_run())
        ledger.enqueue(RUN, sets(1.5))
        leases = [reserved(ledger, guesses=2) for _ in range(4)]
        assert taken(ledger, leases) == [(0, None, None), (1, None, None), (2, None, 1.5), (3, 0, None)]

    def test_a_set_comes_back_as_it_was_given(self, ledger: Ledger, opened: Open):
        ledger.create_run(a_run())
        given = {"zeta": 0.1 + 0.2, "alpha": 3, "kind": "gämma", "on": True, "one": 1.0}
        ledger.enqueue(RUN, [given])
        found = opened().queued_set(reserved(ledger))
        assert found == given
        assert list(found) == list(given)
        assert [type(value) for value in found.values()] == [float, int, str, bool, float]

    def test_whoever_takes_the_trial_over_gets_the_same_set(self, ledger: Ledger, opened: Open):
        """The first worker died between reserving and proposing."""
        ledger.create_run(a_run())
        ledger.enqueue(RUN, sets(1.0, 2.0))
        reserved(ledger, "w1", lease_s=0)
        other = opened()
        again = taken_over(other)
        assert again is not None
        assert taken(other, [again, reserved(other, "w2")]) == [(0, None, 1.0), (1, None, 2.0)]
        assert taken(other, [again]) == [(0, None, 1.0)], "asked twice, it is the same"

    def test_a_released_trial_keeps_its_set(self, ledger: Ledger):
        ledger.create_run(a_run())
        ledger.enqueue(RUN, sets(1.0))
        reserved(ledger, "w1")
        ledger.release(RUN, "w1")
        again = ledger.take_over(RUN, "w2", lease_s=3600)
        assert again is not None
        assert taken(ledger, [again]) == [(0, None, 1.0)]
        assert ledger.take_over(RUN, "w3", lease_s=3600) is None

    def test_a_set_goes_before_the_draws_of_withdrawn_numbers(self, ledger: Ledger):
        """A design that is used up gives its numbers back: queued sets are tried all the same, once it is opened again."""
        ledger.create_run(a_run(trials=6))
        leases = [reserved(ledger) for _ in range(4)]
        for lease in leases[1:3]:
            ledger.withdraw(lease)
        ledger.enqueue(RUN, sets(9.0))
        again = [reserved(ledger) for _ in range(4)]
        assert taken(ledger, again) == [(1, None, 9.0), (2, 2, None), (4, 4, None), (5, 5, None)]

    def test_a_set_waits_while_there_is_no_budget_for_it(self, ledger: Ledger):
        ledger.create_run(a_run(trials=1))
        finished(ledger)
        ledger.enqueue(RUN, sets(1.0))
        assert ledger.reserve(RUN, "w", guesses=0, lease_s=3600) is None
        assert state(ledger).queued == 1
        ledger.extend(RUN, 2)
        assert taken(ledger, [reserved(ledger)]) == [(1, None, 1.0)]

    def test_runs_have_queues_of_their_own_and_a_renamed_one_keeps_its(self, ledger: Ledger):
        ledger.create_run(a_run())
        ledger.create_run(a_run("other"))
        ledger.enqueue("other", sets(1.0))
        assert reserved(ledger).draw == 0
        ledger.rename_run("other", "kept")
        lease = ledger.reserve("kept", "w", guesses=0, lease_s=3600)
        assert lease is not None
        assert taken(ledger, [lease]) == [(0, None, 1.0)]

    def test_a_taken_set_is_proposed_and_finished_as_any_other(self, ledger: Ledger):
        ledger.create_run(a_run())
        ledger.enqueue(RUN, sets(1.0))
        lease = reserved(ledger)
        params = ledger.queued_set(lease)
        assert params is not None
        lease = ledger.propose(lease, params, origin="guess", known=0, incumbent=None, algorithm_state=None).lease
        trial = ledger.finish(lease, an_end())
        assert (trial.origin, trial.params, trial.draw) == ("guess", params, None)
        assert seqs(ledger.changes(RUN, 0)) == [1, 2]

    def test_sets_that_several_workers_reserve_at_once_go_to_one_trial_each(self, ledger: Ledger, opened: Open):
        ledger.create_run(a_run(trials=60))
        ledger.enqueue(RUN, sets(*range(20)))
        found: list[tuple[int, int | None, Scalar | None]] = []

        def work(own: Ledger, worker: str) -> None:
            while lease := own.reserve(RUN, worker, guesses=0, lease_s=3600):
                if lease.number % 10 == 5:
                    own.enqueue(RUN, sets(100 + lease.number))
                found.extend(taken(own, [lease]))

        threads = [threading.Thread(target=work, args=(opened(), f"w{n}")) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(number for number, _, _ in found) == list(range(60))
        draws = sorted(draw for _, draw, _ in found if draw is not None)
        assert draws == list(range(len(draws)))
        betas = [beta for _, _, beta in found if beta is not None]
        assert len(betas) == len(set(betas)) == 60 - len(draws)
        assert set(range(20)) <= set(betas)
        assert len(betas) + state(ledger).queued == 20 + 6

    def test_a_run_that_is_not_there_is_an_error(self, ledger: Ledger):
        with pytest.raises(LedgerError, match="no run 'nobody'"):
            ledger.enqueue("nobody", sets(1.0))

    def test_a_set_is_queued_once_when_the_answer_was_lost(self, ledger: Ledger):
        ledger.create_run(a_run())
        assert isinstance(ledger, SqlLedger)
        ledger._connection = AnswerLost(ledger._connection)  # type: ignore[assignment]
        ledger.enqueue(RUN, sets(1.0, 2.0))
        assert state(ledger).queued == 2


class AnswerLost:
    """A connection that breaks after its first transaction was done."""

    def __init__(self, connection) -> None:
        self._connection = connection
        self._breaks = True

    def __getattr__(self, name: str):
        return getattr(self._connection, name)

    def rows_of_all(self, steps: Sequence[tuple[str, Params]]):
        rows = self._connection.rows_of_all(steps)
        if self._breaks:
            self._breaks = False
            raise ConnectionLost("the connection broke")
        return rows


class TestPause:
    def test_a_pause_is_seen_by_others_and_ends(self, ledger: Ledger, opened: Open):
        ledger.create_run(a_run())
        ledger.create_run(a_run("other"))
        other = opened()
        assert not other.is_paused(RUN)
        ledger.set_paused(RUN, True)
        ledger.set_paused(RUN, True)
        assert other.is_paused(RUN)
        assert state(other).paused
        assert not other.is_paused("other")
        ledger.set_paused(RUN, False)
        assert not other.is_paused(RUN)
        assert not state(other).paused

    def test_a_pause_changes_nothing_that_a_worker_writes(self, ledger: Ledger):
        ledger.create_run(a_run())
        ledger.set_paused(RUN, True)
        assert finished(ledger).number == 0
        assert ledger.extend(RUN, 9).paused


def test_what_is_searched_is_kept_with_the_run(ledger: Ledger):
    space = {"beta": {"min": 0.5, "max": 5.0, "scale": "log"}}
    ledger.create_run(a_run(space=space))
    assert state(ledger).space == space


class TestWarnings:
    def test_a_warning_is_kept_once_beside_what_the_provenance_holds_in_its_order(self, ledger: Ledger):
        provenance = {"python": "3.12", "code_digest": "ab", "machine": {"system": "Linux", "cores": 2}}
        ledger.create_run(replace(a_run(trials=2), provenance=provenance))
        assert state(ledger).warnings == ()
        for warning in ('it\'s "different"', "gämma", 'it\'s "different"'):
            ledger.warn(RUN, warning)
        assert state(ledger).warnings == ('it\'s "different"', "gämma")
        kept = dict(state(ledger).provenance)
        assert kept.pop("warnings") == ['it\'s "different"', "gämma"]
        assert list(kept.items()) == list(provenance.items())
        ledger.end_run(RUN, RunState.COMPLETED, "", {"loss": 1.0})
        assert state(ledger).warnings == ('it\'s "different"', "gämma")
