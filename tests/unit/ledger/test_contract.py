"""What every ledger guarantees, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import dataclasses
import math
import struct
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from modelops_runtime.contracts.answer import Answer
from modelops_runtime.contracts.errors import ConflictingResult, LeaseLost, LedgerError, UserError
from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.ledger.base import Lease, Ledger, RunState, Trial, TrialEnd
from tests.support.patience import PATIENCE_S
from tests.unit.ledger.builders import (
    OBSERVED,
    RUN,
    a_replicate,
    a_run,
    an_end,
    finished,
    proposed,
    reserved,
    seqs,
    taken_over,
)

Open = Callable[[], Ledger]


class TestRuns:
    def test_a_created_run_is_kept_as_given_with_keys_in_order(self, ledger: Ledger, opened: Open):
        given = a_run(provenance={"host": "h"}, observations={"in_bed": OBSERVED})
        made = ledger.create_run(given)
        read = opened().get_run(RUN)
        assert read == made
        assert made.created_at is not None
        assert dataclasses.replace(made, created_at=None) == given
        assert list(made.spec) == ["version", "name", "z", "a"]

    def test_creating_a_run_again_returns_the_first_one(self, ledger: Ledger):
        first = ledger.create_run(a_run())
        assert ledger.create_run(a_run(identity="other", trials=99)) == first

    def test_an_unknown_run_is_none_and_working_on_it_is_an_error(self, ledger: Ledger):
        assert ledger.get_run("nobody") is None
        with pytest.raises(LedgerError, match="no run 'nobody'"):
            ledger.changes("nobody", 0)

    def test_runs_are_listed_newest_first(self, ledger: Ledger):
        for name in ("one", "two", "three"):
            ledger.create_run(a_run(name))
        assert [run.run_id for run in ledger.list_runs()] == ["three", "two", "one"]

    def test_runs_do_not_see_each_others_trials(self, ledger: Ledger):
        ledger.create_run(a_run())
        ledger.create_run(a_run("other"))
        finished(ledger)
        assert ledger.trials("other") == []
        lease = ledger.reserve("other", "w", guesses=0, lease_s=3600)
        assert lease is not None
        assert lease.number == 0

    def test_rename_keeps_all_rows_and_frees_the_name(self, ledger: Ledger):
        ledger.create_run(a_run())
        lease = proposed(ledger)
        ledger.record(lease, [a_replicate()])
        ledger.finish(lease, an_end())
        ledger.rename_run(RUN, "kept")
        assert ledger.get_run(RUN) is None
        assert [t.run_id for t in ledger.trials("kept")] == ["kept"]
        assert ledger.replicates("kept") == [a_replicate()]
        ledger.create_run(a_run())
        assert ledger.trials(RUN) == []

    def test_rename_to_a_taken_name_is_refused(self, ledger: Ledger):
        ledger.create_run(a_run())
        ledger.create_run(a_run("other"))
        with pytest.raises(LedgerError, match="another run of that name"):
            ledger.rename_run(RUN, "other")

    def test_rename_under_a_live_lease_is_refused(self, ledger: Ledger):
        ledger.create_run(a_run())
        lease = reserved(ledger)
        with pytest.raises(LedgerError, match="being worked on"):
            ledger.rename_run(RUN, "kept")
        ledger.release(lease.run_id, "w1")
        ledger.rename_run(RUN, "kept")
        assert len(ledger.trials("kept")) == 1

    def test_a_late_worker_of_a_renamed_run_does_not_write_into_its_successor(self, ledger: Ledger, opened: Open):
        ledger.create_run(a_run())
        late, late_ledger = proposed(ledger, lease_s=0), ledger
        other = opened()
        time.sleep(0.01)
        other.rename_run(RUN, "kept")
        other.create_run(a_run())
        proposed(other, "w2")
        late_ledger.finish(late, an_end(7.0))
        assert [t.status for t in other.trials(RUN)] == [TrialStatus.LEASED]
        assert [t.loss for t in other.trials("kept")] == [7.0]

    def test_extend_raises_the_budget_and_opens_the_run(self, ledger: Ledger):
        ledger.create_run(a_run(trials=1))
        finished(ledger)
        ledger.end_asking(RUN, "done")
        ledger.end_run(RUN, RunState.COMPLETED, "", {})
        run = ledger.extend(RUN, 2)
        assert (run.trials, run.state, run.asking_ended, run.reason, run.finished_at) == (
            2,
            RunState.OPEN,
            False,
            "",
            None,
        )
        assert reserved(ledger).number == 1

    @pytest.mark.parametrize("trials", [4, 5])
    def test_extend_to_no_more_trials_is_refused(self, ledger: Ledger, trials: int):
        ledger.create_run(a_run(trials=5))
        with pytest.raises(UserError, match="has 5 trials"):
            ledger.extend(RUN, trials)

    def test_the_first_reason_for_ending_stays(self, ledger: Ledger):
        ledger.create_run(a_run())
        ledger.end_asking(RUN, "first")
        ledger.end_asking(RUN, "second")
        ledger.end_run(RUN, RunState.COMPLETED, "", {"best_trial": 3})
        run = ledger.get_run(RUN)
        assert run is not None
        assert (run.reason, run.asking_ended, run.state, run.summary) == (
            "first",
            True,
            RunState.COMPLETED,
            {"best_trial": 3},
        )
        assert run.answer == Answer(best_trial=3)
        assert run.finished_at is not None

    def test_reopen_lets_trials_be_reserved_up_to_the_budget(self, ledger: Ledger):
        ledger.create_run(a_run(trials=1))
        ledger.end_asking(RUN, "stop")
        assert ledger.reserve(RUN, "w", guesses=0, lease_s=3600) is None
        ledger.reopen(RUN)
        run = ledger.get_run(RUN)
        assert run is not None
        assert (run.state, run.reason, run.asking_ended) == (RunState.OPEN, "", False)
        assert reserved(ledger).number == 0
        assert ledger.reserve(RUN, "w", guesses=0, lease_s=3600) is None


class TestReserving:
    def test_numbers_count_from_zero_and_end_with_the_budget(self, ledger: Ledger):
        ledger.create_run(a_run(trials=3))
        assert [reserved(ledger).number for _ in range(3)] == [0, 1, 2]
        assert ledger.reserve(RUN, "w", guesses=0, lease_s=3600) is None

    def test_draws_count_from_zero_after_the_guesses(self, ledger: Ledger):
        ledger.create_run(a_run())
        leases = [reserved(ledger, guesses=2) for _ in range(4)]
        assert [lease.draw for lease in leases] == [None, None, 0, 1]
        assert [t.origin for t in ledger.trials(RUN)] == ["guess", "guess", "ask", "ask"]

    def test_a_reservation_has_no_parameters_and_shows_no_change(self, ledger: Ledger):
        ledger.create_run(a_run())
        lease = reserved(ledger)
        assert (lease.params, lease.lease_no, lease.incumbent) == (None, 1, None)
        assert ledger.changes(RUN, 0) == []
        assert [(t.status, t.worker) for t in ledger.trials(RUN)] == [(TrialStatus.LEASED, "w1")]

    def test_a_withdrawn_number_is_reserved_again_with_its_draw(self, ledger: Ledger):
        ledger.create_run(a_run(trials=4))
        leases = [reserved(ledger, guesses=1) for _ in range(3)]
        ledger.withdraw(leases[2])
        ledger.withdraw(leases[1])
        assert [t.number for t in ledger.trials(RUN)] == [0]
        again = [reserved(ledger, "w2", guesses=1) for _ in range(3)]
        assert [(lease.number, lease.draw, lease.lease_no) for lease in again] == [(1, 0, 2), (2, 1, 2), (3, 2, 1)]
        assert ledger.reserve(RUN, "w", guesses=1, lease_s=3600) is None

    def test_the_lease_of_before_a_withdrawal_is_lost(self, ledger: Ledger):
        ledger.create_run(a_run())
        lease = reserved(ledger)
        ledger.withdraw(lease)
        with pytest.raises(LeaseLost):
            ledger.withdraw(lease)
        reserved(ledger, "w2")
        with pytest.raises(LeaseLost):
            ledger.propose(lease, {"a": 1}, origin="ask", known=0, incumbent=None, algorithm_state=None)

    def test_what_was_proposed_cannot_be_withdrawn(self, ledger: Ledger):
        ledger.create_run(a_run())
        lease = proposed(ledger)
        with pytest.raises(ConflictingResult):
            ledger.withdraw(lease)

    def test_a_withdrawn_number_is_not_taken_over(self, ledger: Ledger):
        ledger.create_run(a_run())
        ledger.withdraw(reserved(ledger))
        assert ledger.take_over(RUN, "w2", lease_s=0) is None


class TestReservingWhatWasAsked:
    def reserve(self, ledger: Ledger, number: int, draw: int, *, guesses: int = 0) -> Trial:
        asked = Lease(
            run_id=RUN, phase="search", number=number, lease_no=1, draw=draw, params={"b": 1.5}, known=7, incumbent=3,
            algorithm_state={"x": [1]},
        )  # fmt: skip
        trial = ledger.reserve_asked(RUN, "w1", asked, guesses=guesses, lease_s=3600)
        assert trial is not None
        return trial

    def test_the_expected_trial_is_reserved_and_proposed_at_once(self, ledger: Ledger, opened: Open):
        ledger.create_run(a_run())
        reserved(ledger, guesses=1)
        trial = self.reserve(ledger, 1, 0, guesses=1)
        assert opened().trials(RUN)[1] == trial
        assert (trial.params, trial.known, trial.incumbent) == ({"b": 1.5}, 7, 3)
        assert (trial.origin, trial.draw, trial.algorithm_state) == ("ask", 0, {"x": [1]})
        assert (trial.status, trial.worker, trial.lease_no) == (TrialStatus.LEASED, "w1", 1)
        assert (trial.proposed_seq, seqs(ledger.changes(RUN, 0))) == (1, [1])
        assert ledger.finish(trial.lease, an_end()).finished_seq == 2

    def test_another_trial_is_reserved_without_parameters(self, ledger: Ledger):
        ledger.create_run(a_run())
        reserved(ledger, "w2")
        trial = self.reserve(ledger, 0, 0)
        assert (trial.number, trial.draw, trial.params) == (1, 1, None)
        assert ledger.changes(RUN, 0) == []
        assert ledger.propose(
            trial.lease, {"b": 2.5}, origin="ask", known=0, incumbent=None, algorithm_state=None
        ).params == {"b": 2.5}

    def test_a_reservation_of_another_worker_keeps_its_own_proposal(self, ledger: Ledger):
        ledger.create_run(a_run())
        theirs = reserved(ledger, "w2")
        self.reserve(ledger, theirs.number, 0)
        assert ledger.propose(
            theirs, {"b": 2.5}, origin="ask", known=0, incumbent=None, algorithm_state=None
        ).params == {"b": 2.5}

    def test_a_queued_set_keeps_the_number_that_was_asked_for(self, ledger: Ledger):
        ledger.create_run(a_run())
        ledger.enqueue(RUN, [{"b": 9.0}])
        trial = self.reserve(ledger, 0, 0)
        assert (trial.number, trial.draw, trial.params, trial.origin) == (0, None, None, "guess")
        assert ledger.queued_set(trial.lease) == {"b": 9.0}

    def test_a_number_that_was_withdrawn_is_asked_for_again(self, ledger: Ledger):
        ledger.create_run(a_run())
        ledger.withdraw(reserved(ledger))
        trial = self.reserve(ledger, 0, 0)
        assert (trial.number, trial.lease_no, trial.params) == (0, 2, None)

    def test_nothing_is_reserved_above_the_budget(self, ledger: Ledger):
        ledger.create_run(a_run(trials=1))
        trial = self.reserve(ledger, 0, 0)
        assert ledger.reserve_asked(RUN, "w1", trial.lease, guesses=0, lease_s=3600) is None
        assert seqs(ledger.changes(RUN, 0)) == [1]


class TestProposing:
    def test_a_proposal_is_kept_whole(self, ledger: Ledger, opened: Open):
        ledger.create_run(a_run())
        params = {"zeta": 0.1 + 0.2, "alpha": 3, "kind": "gämma", "on": True, "one": 1.0, "big": 2**60}
        state = {"cma": [1.5, None], "b": {"a": 1}}
        lease = ledger.propose(
            reserved(ledger), params, origin="ask", known=17, incumbent=4, algorithm_state=state
        ).lease
        (trial,) = opened().trials(RUN)
        assert lease.params == trial.params == params
        assert list(trial.params or {}) == list(params)
        assert [type(value) for value in (trial.params or {}).values()] == [float, int, str, bool, float, int]
        assert (trial.known, trial.incumbent, trial.algorithm_state, trial.draw) == (17, 4, state, 0)
        assert (lease.known, lease.incumbent, lease.algorithm_state, lease.draw) == (17, 4, state, 0)
        assert trial.proposed_at is not None
        assert trial.proposed_seq == 1

    def test_the_same_proposal_again_is_accepted_and_another_one_refused(self, ledger: Ledger):
        ledger.create_run(a_run())
        lease = reserved(ledger)
        first = ledger.propose(lease, {"a": 1}, origin="ask", known=0, incumbent=None, algorithm_state=None).lease
        again = ledger.propose(lease, {"a": 1}, origin="ask", known=0, incumbent=None, algorithm_state=None).lease
        assert again == first
        with pytest.raises(ConflictingResult):
            ledger.propose(lease, {"a": 2}, origin="ask", known=0, incumbent=None, algorithm_state=None)
        assert seqs(ledger.changes(RUN, 0)) == [1]


class TestLeases:
    def test_a_live_lease_is_not_taken_over(self, ledger: Ledger):
        ledger.create_run(a_run())
        proposed(ledger)
        assert taken_over(ledger) is None

    def test_an_expired_lease_is_taken_over_with_the_next_lease_no(self, ledger: Ledger):
        ledger.create_run(a_run())
        old = proposed(ledger, lease_s=0)
        new = taken_over(ledger)
        assert new is not None
        assert (new.number, new.lease_no, new.params) == (old.number, 2, old.params)
        assert ledger.trials(RUN)[0].worker == "w2"

    def test_an_expired_reservation_is_taken_over_without_parameters(self, ledger: Ledger):
        ledger.create_run(a_run())
        reserved(ledger, lease_s=0, guesses=0)
        new = taken_over(ledger)
        assert new is not None
        assert (new.params, new.draw) == (None, 0)

    def test_every_write_after_a_takeover_raises_lease_lost(self, ledger: Ledger):
        ledger.create_run(a_run())
        old = proposed(ledger, lease_s=0)
        new = taken_over(ledger)
        assert new is not None
        with pytest.raises(LeaseLost):
            ledger.record(old, [a_replicate()])
        with pytest.raises(LeaseLost):
            ledger.finish(old, an_end())
        with pytest.raises(LeaseLost):
            ledger.withdraw(old)
        with pytest.raises(LeaseLost):
            ledger.propose(old, {"a": 2}, origin="ask", known=0, incumbent=None, algorithm_state=None)
        assert ledger.replicates(RUN) == []
        ledger.finish(new, an_end())
        with pytest.raises(LeaseLost):
            ledger.finish(old, an_end())

    def test_an_expired_lease_still_writes_while_nobody_has_taken_over(self, ledger: Ledger):
        ledger.create_run(a_run())
        lease = proposed(ledger, lease_s=0)
        ledger.record(lease, [a_replicate()])
        assert ledger.finish(lease, an_end()).status is TrialStatus.COMPLETED

    def test_the_oldest_is_taken_first_and_search_before_confirm(self, ledger: Ledger):
        ledger.create_run(a_run(trials=3))
        finished(ledger)
        ledger.confirm(RUN, [0])
        proposed(ledger, lease_s=0)
        proposed(ledger, lease_s=0)
        taken = [taken_over(ledger) for _ in range(4)]
        assert [t and (t.phase, t.number) for t in taken] == [("search", 1), ("search", 2), ("confirm", 0), None]

    def test_release_makes_a_workers_trials_pending_at_once(self, ledger: Ledger):
        ledger.create_run(a_run())
        mine, theirs = proposed(ledger), proposed(ledger, "w2")
        unproposed = reserved(ledger)
        ledger.release(RUN, "w1")
        trials = ledger.trials(RUN)
        assert [(t.status, t.worker) for t in trials] == [
            (TrialStatus.PENDING, None),
            (TrialStatus.LEASED, "w2"),
            (TrialStatus.PENDING, None),
        ]
        taken = [ledger.take_over(RUN, "w3", lease_s=3600) for _ in range(3)]
        assert [t and (t.number, t.lease_no) for t in taken] == [(mine.number, 2), (unproposed.number, 2), None]
        with pytest.raises(LeaseLost):
            ledger.finish(mine, an_end())
        ledger.finish(theirs, an_end())

    def test_a_released_lease_writes_no_more(self, ledger: Ledger):
        ledger.create_run(a_run())
        lease = proposed(ledger)
        ledger.release(RUN, "w1")
        with pytest.raises(LeaseLost):
            ledger.record(lease, [a_replicate()])
        with pytest.raises(LeaseLost):
            ledger.finish(lease, an_end())

    def test_renew_from_another_thread_keeps_leases_and_tells_which(self, ledger: Ledger):
        ledger.create_run(a_run())
        proposed(ledger, lease_s=0)
        reserved(ledger, lease_s=0)
        reserved(ledger, "w2", lease_s=0)
        ledger.finish(proposed(ledger, lease_s=0), an_end())
        held: list[frozenset] = []
        thread = threading.Thread(target=lambda: held.append(ledger.renew(RUN, "w1", lease_s=3600)))
        thread.start()
        thread.join()
        assert held == [frozenset({("search", 0, 1), ("search", 1, 1)})]
        taken = taken_over(ledger, "w3")
        assert taken is not None
        assert taken.number == 2
        assert taken_over(ledger, "w3") is None

    def test_a_lease_that_was_taken_over_is_not_renewed(self, ledger: Ledger):
        ledger.create_run(a_run())
        proposed(ledger, lease_s=0)
        assert taken_over(ledger) is not None
        assert ledger.renew(RUN, "w1", lease_s=3600) == frozenset()

    def test_a_lease_ends_by_the_databases_clock(self, ledger: Ledger):
        ledger.create_run(a_run())
        before = ledger.now()
        proposed(ledger, lease_s=30)
        (trial,) = ledger.trials(RUN)
        assert trial.lease_until is not None
        assert before + timedelta(seconds=29.9) <= trial.lease_until <= ledger.now() + timedelta(seconds=30.1)
        assert before.utcoffset() == timedelta(0)


class TestRecording:
    def test_a_replicate_comes_back_bit_for_bit(self, ledger: Ledger, opened: Open):
        ledger.create_run(a_run())
        lease = proposed(ledger)
        values = [0.1, -0.0, math.inf, 5e-324, math.nan, 1.7976931348623157e308] * 50
        long, short = struct.pack("<300d", *values), struct.pack("<d", math.pi)
        rows = [
            a_replicate(index=0, seed=2**64 - 1, aligned=long, log="hello\n"),
            a_replicate(index=1, seed=0, aligned=short, seconds=0.1 + 0.2),
            a_replicate(index=2, seed=7, aligned=b""),
            a_replicate(index=2**32 + 5, status="FAILED", failure="TIMEOUT", error="too long", aligned=b"", digest=""),
        ]
        ledger.record(lease, rows)
        assert opened().replicates(RUN, 0) == rows
        assert ledger.replicates(RUN, 1) == []

    def test_recording_again_counts_the_attempt_and_keeps_the_row(self, ledger: Ledger):
        ledger.create_run(a_run())
        lease = proposed(ledger)
        ledger.record(lease, [a_replicate()])
        ledger.record(lease, [a_replicate(seconds=9.0)])
        assert ledger.replicates(RUN) == [a_replicate(attempt=2)]

    def test_the_final_write_takes_the_last_replicates_or_leaves_both_out(self, ledger: Ledger):
        ledger.create_run(a_run())
        lease = proposed(ledger)
        ledger.record(lease, [a_replicate(index=0)])
        last = [a_replicate(index=1), a_replicate(index=2)]
        with pytest.raises(ConflictingResult):
            ledger.finish(lease, an_end(), [*last, a_replicate(index=0, digest="other")])
        assert [row.index for row in ledger.replicates(RUN, lease.number)] == [0]
        ended = ledger.finish(lease, an_end(), last)
        assert ledger.finish(lease, an_end(), last) == ended
        assert [row.attempt for row in ledger.replicates(RUN, lease.number)] == [1, 1, 1]

    def test_a_failed_row_is_replaced(self, ledger: Ledger):
        ledger.create_run(a_run())
        lease = proposed(ledger)
        ledger.record(lease, [a_replicate(status="FAILED", failure="LOST", error="gone", aligned=b"", digest="")])
        ledger.record(lease, [a_replicate()])
        assert ledger.replicates(RUN) == [a_replicate(attempt=2)]

    def test_a_completed_row_is_never_replaced_by_a_failed_one(self, ledger: Ledger):
        ledger.create_run(a_run())
        lease = proposed(ledger)
        ledger.record(lease, [a_replicate()])
        ledger.record(lease, [a_replicate(status="FAILED", failure="LOST", error="gone", aligned=b"", digest="")])
        assert ledger.replicates(RUN) == [a_replicate(attempt=2)]

    def test_another_digest_is_refused_and_nothing_of_the_group_is_written(self, ledger: Ledger):
        ledger.create_run(a_run())
        lease = proposed(ledger)
        ledger.record(lease, [a_replicate(index=1)])
        with pytest.raises(ConflictingResult, match="trial 0"):
            ledger.record(lease, [a_replicate(index=0), a_replicate(index=1, digest="other"), a_replicate(index=2)])
        assert ledger.replicates(RUN) == [a_replicate(index=1)]
        ledger.record(lease, [a_replicate(index=2)])
        assert [r.index for r in ledger.replicates(RUN)] == [1, 2]

    def test_replicates_come_by_trial_and_index(self, ledger: Ledger):
        ledger.create_run(a_run())
        first, second = proposed(ledger), proposed(ledger)
        ledger.record(second, [a_replicate(1, 1), a_replicate(1, 0)])
        ledger.record(first, [a_replicate(0, 2)])
        assert [(r.number, r.index) for r in ledger.replicates(RUN)] == [(0, 2), (1, 0), (1, 1)]

    def test_text_that_a_database_cannot_keep_is_made_readable(self, ledger: Ledger):
        ledger.create_run(a_run())
        lease = proposed(ledger)
        ledger.record(lease, [a_replicate(status="FAILED", failure="MODEL_ERROR", error="a\x00b", log="\udce9t\x00")])
        (row,) = ledger.replicates(RUN)
        assert (row.error, row.log) == ("a\ufffdb", "?t\ufffd")

    def test_an_index_that_is_given_twice_is_named_and_nothing_is_written(self, ledger: Ledger):
        ledger.create_run(a_run())
        lease = proposed(ledger)
        given = [a_replicate(index=0), a_replicate(index=5), a_replicate(index=1), a_replicate(index=5)]
        with pytest.raises(ValueError, match="replicate 5 is given 2 times"):
            ledger.record(lease, given)
        with pytest.raises(ValueError, match="replicate 5 is given 2 times"):
            ledger.finish(lease, an_end(), given)
        assert ledger.replicates(RUN) == []
        assert [trial.status for trial in ledger.trials(RUN)] == [TrialStatus.LEASED]

    def test_recording_nothing_is_allowed(self, ledger: Ledger):
        ledger.create_run(a_run())
        ledger.record(proposed(ledger), [])
        assert ledger.replicates(RUN) == []


class TestFinishing:
    def test_a_finish_is_kept_whole(self, ledger: Ledger, opened: Open):
        ledger.create_run(a_run())
        lease = proposed(ledger)
        end = an_end(
            0.1 + 0.2,
            loss_se=1e-300,
            effective_sample_size=1.07,
            stopped_early=True,
            seconds=4.5,
            diagnostics={"targets": {"b": 1.0, "a": 2.0}},
            algorithm_state={"x": 1},
        )
        trial = ledger.finish(lease, end)
        assert opened().trials(RUN) == [trial]
        assert (trial.loss, trial.loss_se, trial.stopped_early, trial.seconds) == (0.1 + 0.2, 1e-300, True, 4.5)
        assert trial.effective_sample_size == 1.07
        assert (trial.worker, trial.lease_until, trial.algorithm_state) == ("w1", None, {"x": 1})
        assert (trial.proposed_seq, trial.finished_seq, trial.replicates) == (1, 2, 3)
        assert list(trial.diagnostics["targets"]) == ["b", "a"]
        assert trial.finished_at is not None

    @pytest.mark.parametrize("status", [TrialStatus.FAILED, TrialStatus.TIMEOUT])
    def test_a_failure_is_kept_whole(self, ledger: Ledger, status: TrialStatus):
        ledger.create_run(a_run())
        trial = ledger.finish(proposed(ledger), TrialEnd(status=status, failure="MODEL_ERROR", error="x\x00 (m.py:3)"))
        assert (trial.status, trial.loss, trial.failure, trial.error) == (
            status,
            None,
            "MODEL_ERROR",
            "x\ufffd (m.py:3)",
        )

    def test_the_same_finish_again_is_accepted_and_a_different_one_refused(self, ledger: Ledger):
        ledger.create_run(a_run())
        lease = proposed(ledger)
        trial = ledger.finish(lease, an_end(-0.0, seconds=1.0))
        assert ledger.finish(lease, an_end(0.0, seconds=2.0)) == trial
        with pytest.raises(ConflictingResult, match="trial 0"):
            ledger.finish(lease, an_end(2.0))
        with pytest.raises(ConflictingResult):
            ledger.finish(lease, TrialEnd(status=TrialStatus.FAILED))
        assert seqs(ledger.trials(RUN)) == [1, 2]

    def test_nothing_is_recorded_for_a_finished_trial(self, ledger: Ledger):
        ledger.create_run(a_run())
        lease = proposed(ledger)
        ledger.finish(lease, an_end())
        with pytest.raises(LeaseLost):
            ledger.record(lease, [a_replicate()])

    def test_the_algorithms_state_stays_when_none_is_given(self, ledger: Ledger):
        ledger.create_run(a_run())
        lease = reserved(ledger)
        lease = ledger.propose(lease, {"a": 1}, origin="ask", known=0, incumbent=None, algorithm_state={"k": 2}).lease
        assert ledger.finish(lease, an_end()).algorithm_state == {"k": 2}

    @pytest.mark.parametrize("end", [TrialEnd(status=TrialStatus.COMPLETED), an_end(math.nan), an_end(math.inf)])
    def test_a_completed_trial_without_a_finite_loss_is_refused(self, ledger: Ledger, end: TrialEnd):
        ledger.create_run(a_run())
        lease = proposed(ledger)
        with pytest.raises(ValueError, match="finite"):
            ledger.finish(lease, end)
        with pytest.raises(ValueError, match="ends COMPLETED"):
            ledger.finish(lease, TrialEnd(status=TrialStatus.LEASED))

    def test_numbers_that_are_not_finite_are_null_in_diagnostics(self, ledger: Ledger):
        ledger.create_run(a_run())
        diagnostics = {"a": [math.nan, 1.0], "b": {"c": math.inf}, "d": "\x00"}
        trial = ledger.finish(proposed(ledger), an_end(loss_se=math.nan, diagnostics=diagnostics))
        assert trial.diagnostics == {"a": [None, 1.0], "b": {"c": None}, "d": "\x00"}
        assert trial.loss_se is None


class TestConfirming:
    def test_a_confirm_row_copies_the_parameters_and_waits(self, ledger: Ledger):
        ledger.create_run(a_run(trials=2))
        search = finished(ledger)
        ledger.confirm(RUN, [0])
        lease = ledger.take_over(RUN, "w2", lease_s=3600)
        assert lease is not None
        assert (lease.phase, lease.number, lease.lease_no, lease.draw) == ("confirm", 0, 1, None)
        assert lease.params == search.params
        ledger.record(lease, [a_replicate(index=2**32)])
        confirmed = ledger.finish(lease, an_end(5.0))
        assert [t.loss for t in ledger.trials(RUN)] == [1.0, 5.0]
        assert [t.loss for t in ledger.trials(RUN, phase="confirm")] == [5.0]
        assert (confirmed.origin, confirmed.param_id) == ("confirm", search.param_id)
        assert reserved(ledger).number == 1

    def test_confirming_again_adds_only_what_is_new(self, ledger: Ledger):
        ledger.create_run(a_run())
        finished(ledger)
        finished(ledger)
        ledger.confirm(RUN, [1])
        ledger.confirm(RUN, [1, 0, 4])
        assert [t.number for t in ledger.trials(RUN, phase="confirm")] == [0, 1]
        assert seqs(ledger.trials(RUN)) == [1, 2, 3, 4, 5, 6]


class TestFollowing:
    def test_whoever_has_read_up_to_a_seq_misses_nothing_above_it(self, ledger: Ledger, opened: Open):
        ledger.create_run(a_run())
        follower = opened()
        first = proposed(ledger)
        second = proposed(ledger)
        assert [(t.number, t.proposed_seq) for t in follower.changes(RUN, 0)] == [(0, 1), (1, 2)]
        ledger.finish(second, an_end())
        ledger.finish(first, an_end())
        assert [(t.number, t.finished_seq) for t in follower.changes(RUN, 2)] == [(1, 3), (0, 4)]
        assert [t.number for t in follower.changes(RUN, 3)] == [0]
        assert follower.changes(RUN, 4) == []

    def test_wait_returns_at_once_for_what_is_there_and_false_in_the_end(self, ledger: Ledger):
        ledger.create_run(a_run())
        assert not ledger.wait(RUN, 0, 0.05)
        proposed(ledger)
        assert ledger.wait(RUN, 0, PATIENCE_S)
        assert not ledger.wait(RUN, 1, 0)

    def test_wait_is_woken_by_another_worker(self, ledger: Ledger, opened: Open):
        ledger.create_run(a_run())
        other = opened()
        lease = proposed(other)
        thread = threading.Timer(0.2, lambda: other.finish(lease, an_end()))
        thread.start()
        assert ledger.wait(RUN, 1, PATIENCE_S)
        thread.join()
        assert [t.loss for t in ledger.changes(RUN, 1)] == [1.0]

    def test_wait_is_not_woken_by_another_run(self, ledger: Ledger):
        ledger.create_run(a_run("other"))
        ledger.create_run(a_run())
        finished(ledger)
        assert not ledger.wait("other", 0, 0.05)
