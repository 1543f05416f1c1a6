"""A Postgres that goes away in the middle costs time, and nothing else."""

from __future__ import annotations

import dataclasses
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from modelops_runtime.contracts.errors import LedgerError, Unreachable
from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.ledger.base import Lease, Ledger
from modelops_runtime.ledger.connection import ConnectionLost, patiently
from modelops_runtime.ledger.opening import ledger_exists, open_ledger
from tests.support.needs import need_postgres
from tests.support.patience import PATIENCE_S, eventually
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.slow_network import slow_network
from tests.unit.ledger.builders import RUN, a_replicate, a_run, an_end, proposed, seqs

TRIALS = 100


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """One that a test may stop."""
    need_postgres()
    with postgres_server() as server:
        yield server


def storm(url: str, worker: str, harmed: threading.Event, failures: list[BaseException]) -> None:
    """Whole trials until the budget is used, as the runner does them; the last ones only when all harm is done."""
    try:
        ledger = open_ledger(url, patience_s=PATIENCE_S)
        seq = 0
        while lease := ledger.reserve(RUN, worker, guesses=0, lease_s=3600):
            if lease.number >= TRIALS - 4:
                harmed.wait()
            for trial in ledger.changes(RUN, seq):
                seq = max(seq, trial.finished_seq or trial.proposed_seq or 0)
            lease = ledger.propose(
                lease, {"b": 1.5}, origin="ask", known=seq, incumbent=None, algorithm_state=None
            ).lease
            ledger.record(lease, [a_replicate(lease.number, index) for index in range(3)])
            ledger.finish(lease, an_end(float(lease.number)))
        ledger.close()
    except BaseException as error:
        failures.append(error)


def storm_with(url: str, harm: Callable[[], None], *, times: int) -> None:
    """Two workers, while `harm()` is done `times` times, each when so many more trials are finished."""
    ledger = open_ledger(url)
    ledger.create_run(a_run(trials=TRIALS))
    failures: list[BaseException] = []
    harmed = threading.Event()
    workers = [threading.Thread(target=storm, args=(url, f"w{n}", harmed, failures)) for n in range(2)]
    for worker in workers:
        worker.start()
    for number in range(times):
        wanted = (TRIALS - 8) * number // times
        while not failures and sum(t.status is TrialStatus.COMPLETED for t in ledger.trials(RUN)) < wanted:
            time.sleep(0.001)
        harm()
    harmed.set()
    for worker in workers:
        worker.join()
    assert failures == []
    trials = ledger.trials(RUN)
    assert [t.number for t in trials] == list(range(TRIALS))
    assert {t.status for t in trials} == {TrialStatus.COMPLETED}
    assert {t.lease_no for t in trials} == {1}
    assert seqs(trials) == list(range(1, 2 * TRIALS + 1))
    assert {r.attempt for r in ledger.replicates(RUN)} == {1}
    assert len(ledger.replicates(RUN)) == 3 * TRIALS
    ledger.close()


def test_terminated_connections_lose_and_double_nothing(postgres: PostgresServer):
    url = postgres.new_database()
    name = url.rpartition("/")[2]

    def terminate() -> None:
        postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    storm_with(url, terminate, times=12)


def test_a_restarted_server_loses_and_doubles_nothing(own_server: PostgresServer):
    def restart() -> None:
        own_server.stop()
        own_server.start()

    storm_with(own_server.new_database(), restart, times=2)


def test_a_wait_goes_on_after_its_connection_is_terminated(postgres: PostgresServer):
    url = postgres.new_database()
    name = url.rpartition("/")[2]
    ledger, other = open_ledger(url), open_ledger(url)
    ledger.create_run(a_run())

    def waits() -> bool:
        last = f"SELECT query FROM pg_stat_activity WHERE datname = '{name}' AND state = 'idle'"
        return any(query.startswith("SELECT seq") for (query,) in postgres.execute(last))

    def meddle() -> None:
        assert eventually(waits)
        postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        proposed(other)

    thread = threading.Thread(target=meddle)
    thread.start()
    assert ledger.wait(RUN, 0, PATIENCE_S)
    thread.join()
    ledger.close()
    other.close()


def test_a_claim_whose_answer_was_lost_is_found_again(postgres_url: str):
    """A connection that does the claim, and then loses the answer."""
    from modelops_runtime.ledger.postgres import PostgresConnection, open_postgres
    from modelops_runtime.ledger.sql_ledger import SqlLedger

    class LosesAnswers(PostgresConnection):
        lose = ("reserve", "take_over", "record", "withdraw", "finish", "propose", "extend")
        lost = 0

        def rows(self, name, params):
            rows = super().rows(name, params)
            if name in self.lose and self.lost % 2 == 0:
                self.lost += 1
                raise ConnectionLost("answer lost")
            self.lost += 1 if name in self.lose else 0
            return rows

    open_postgres(postgres_url).close()
    connection = LosesAnswers(postgres_url)
    ledger: Ledger = SqlLedger(connection)
    ledger.create_run(a_run(trials=2))
    connection.lost = 0
    lease = proposed(ledger)
    assert (lease.number, lease.lease_no) == (0, 1)
    ledger.record(lease, [a_replicate()])
    assert ledger.replicates(RUN) == [a_replicate()]
    assert ledger.finish(lease, an_end()).finished_seq == 2
    connection.lost = 0
    given_back = ledger.reserve(RUN, "w", guesses=0, lease_s=3600)
    assert given_back is not None
    connection.lost = 0
    ledger.withdraw(given_back)
    connection.lost = 0
    again = ledger.reserve(RUN, "w", guesses=0, lease_s=3600)
    assert again is not None
    assert (again.number, again.lease_no) == (1, 2)
    connection.lost = 0
    assert ledger.extend(RUN, 3).trials == 3
    ledger.release(RUN, "w")
    connection.lost = 0
    taken = ledger.take_over(RUN, "w", lease_s=3600)
    assert taken is not None
    assert (taken.number, taken.lease_no) == (1, 3)
    assert len(ledger.trials(RUN)) == 2
    ledger.close()


@pytest.mark.parametrize("lost_after", [True, False])
def test_a_transaction_whose_answer_was_lost_is_done_once(postgres_url: str, lost_after: bool):
    """A reservation with its proposal, and the end of a trial with its last replicates: lost before the server had
    it, or after it had done it."""
    from modelops_runtime.ledger.postgres import PostgresConnection, open_postgres
    from modelops_runtime.ledger.sql_ledger import SqlLedger

    class LosesOne(PostgresConnection):
        lost = 0
        last = ""

        def rows_of_all(self, steps):
            loses = steps[-1][0] == self.last and not self.lost
            self.lost += loses
            if loses and not lost_after:
                raise ConnectionLost("request lost")
            rows = super().rows_of_all(steps)
            if loses:
                raise ConnectionLost("answer lost")
            return rows

    open_postgres(postgres_url).close()
    connection = LosesOne(postgres_url)
    ledger: Ledger = SqlLedger(connection)
    ledger.create_run(a_run(trials=3))
    connection.last = "propose_reserved"
    asked = Lease(
        run_id=RUN, phase="search", number=0, lease_no=1, draw=0, params={"b": 1.5}, known=0, incumbent=None,
        algorithm_state=None,
    )  # fmt: skip
    trial = ledger.reserve_asked(RUN, "w1", asked, guesses=0, lease_s=3600)
    assert trial is not None
    assert (connection.lost, trial.number, trial.params, trial.seq) == (1, 0, {"b": 1.5}, 1)
    connection.last, connection.lost = "finish", 0
    ended = ledger.finish(trial.lease, an_end(), [a_replicate()])
    assert connection.lost == 1
    assert ended.seq == 2
    assert [(t.number, t.lease_no) for t in ledger.trials(RUN)] == [(0, 1)]
    assert [r.attempt for r in ledger.replicates(RUN)] == [1]
    ledger.close()


@pytest.mark.parametrize(
    ("options", "expected"),
    [("", (1, 30, 10, 3)), ("?keepalives_idle=70&keepalives_count=9", (1, 70, 10, 9)), ("?keepalives=0", (0,))],
)
def test_a_silent_connection_is_kept_alive_as_the_url_says(postgres_url: str, options: str, expected: tuple[int, ...]):
    from modelops_runtime.ledger.postgres import PostgresConnection

    connection = PostgresConnection(postgres_url + options)
    with connection.using() as session, socket.fromfd(session.fileno(), socket.AF_INET, socket.SOCK_STREAM) as tcp:
        timing = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        found = [tcp.getsockopt(socket.IPPROTO_TCP, option) for option in timing]
        assert (tcp.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), *found)[: len(expected)] == expected
    connection.close()


def test_a_transaction_is_one_round_trip(postgres: PostgresServer):
    url = postgres.new_database()
    with slow_network(postgres.port, delay_s=0.0) as network:
        ledger = open_ledger(url.replace(f":{postgres.port}/", f":{network.port}/"))
        ledger.create_run(a_run(trials=40))
        trips: list[int] = []
        while (lease := ledger.reserve(RUN, "w1", guesses=0, lease_s=3600)) is not None:
            before = network.round_trips
            lease = ledger.propose(lease, {"b": 1.5}, origin="ask", known=0, incumbent=None, algorithm_state=None).lease
            ledger.finish(lease, an_end(), [a_replicate(lease.number)])
            trips.append(network.round_trips - before)
        ledger.create_run(a_run("asked", trials=40))
        asked = Lease(
            run_id="asked", phase="search", number=0, lease_no=1, draw=0, params={"b": 1.5}, known=0, incumbent=None,
            algorithm_state=None,
        )  # fmt: skip
        at_once: list[int] = []
        for number in range(40):
            before = network.round_trips
            expected = dataclasses.replace(asked, number=number, draw=number)
            trial = ledger.reserve_asked("asked", "w1", expected, guesses=0, lease_s=3600)
            assert trial is not None
            assert trial.params == {"b": 1.5}
            at_once.append(network.round_trips - before)
        ledger.close()
    # Each statement is prepared once, on its way. On a busy machine a server may answer the first half of a transaction
    # before the second is sent, which counts as one more; a client that waited would need it each time.
    assert min(trips[20:]) == 2, "a proposal, and an end with its last replicates"
    assert min(at_once[20:]) == 1, "a reservation with its proposal"


def test_nothing_is_taken_over_within_one_lease_of_the_servers_start(own_server: PostgresServer):
    ledger = open_ledger(own_server.new_database())
    ledger.create_run(a_run())
    lease = proposed(ledger, lease_s=0)
    own_server.stop()
    own_server.start()
    assert ledger.take_over(RUN, "w2", lease_s=3600) is None
    ledger.release(RUN, "w1")
    taken = ledger.take_over(RUN, "w2", lease_s=3600)
    assert taken is not None
    assert taken.number == lease.number
    ledger.close()


def test_a_server_that_is_not_up_yet_is_waited_for(own_server: PostgresServer):
    url = own_server.new_database()
    open_ledger(url).close()
    own_server.stop()
    with pytest.raises(Unreachable):
        ledger_exists(url)
    start = threading.Timer(1.0, own_server.start)
    start.start()
    assert ledger_exists(url, patience_s=60)
    start.join()


class TestPatience:
    def test_it_tries_again_with_growing_pauses_until_it_runs_out(self):
        clock, pauses = [0.0], []

        def sleep(seconds: float) -> None:
            pauses.append(seconds)
            clock[0] += seconds

        def never(again: bool) -> None:
            raise ConnectionLost("gone")

        with pytest.raises(ConnectionLost, match="gone"):
            patiently(never, patience_s=300, clock=lambda: clock[0], sleep=sleep)
        assert pauses[0] == 0
        assert max(pauses) <= 5
        assert 290 < clock[0] <= 300

    def test_it_says_which_attempts_are_new_ones(self):
        told: list[bool] = []

        def third_time(again: bool) -> str:
            told.append(again)
            if len(told) < 3:
                raise ConnectionLost("gone")
            return "done"

        assert patiently(third_time, sleep=lambda seconds: None) == "done"
        assert told == [False, True, True]

    def test_any_other_error_is_not_tried_again(self):
        calls: list[bool] = []

        def refused(again: bool) -> None:
            calls.append(again)
            raise LedgerError("full")

        with pytest.raises(LedgerError, match="full"):
            patiently(refused)
        assert calls == [False]
