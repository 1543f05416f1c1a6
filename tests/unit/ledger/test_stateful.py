"""Any order of what several workers do keeps the ledger's promises."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from modelops_runtime.contracts.errors import LeaseLost
from modelops_runtime.ledger.base import Lease, Trial
from modelops_runtime.ledger.opening import open_ledger
from tests.unit.ledger.builders import RUN, a_replicate, a_run, an_end

WORKERS = st.sampled_from(["w1", "w2", "w3"])


class Workers(RuleBasedStateMachine):
    """A lease that was handed on writes nothing; every number of the budget is somebody's, and seq has no gap."""

    leases = Bundle("leases")
    budget = 6

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.ledger = open_ledger(str(self.folder / "ledger.sqlite"))
        self.current: dict[int, int] = {}
        """Lease number by trial: whose lease may write."""
        self.seen: dict[int, Trial] = {}
        self.seq = 0

    def teardown(self) -> None:
        self.ledger.close()
        shutil.rmtree(self.folder)

    @initialize()
    def create(self) -> None:
        self.ledger.create_run(a_run(trials=self.budget))

    @rule(target=leases, worker=WORKERS, lease_s=st.sampled_from([0, 60]))
    def reserve(self, worker: str, lease_s: float) -> Lease | None:
        lease = self.ledger.reserve(RUN, worker, guesses=1, lease_s=lease_s)
        assert (lease is None) == (len(self.current) == self.budget)
        if lease is not None:
            assert lease.number not in self.current
            self.current[lease.number] = lease.lease_no
        return lease

    @rule(target=leases, worker=WORKERS, number=st.integers(0, 5))
    def reserve_asked(self, worker: str, number: int) -> Lease | None:
        asked = Lease(
            run_id=RUN, phase="search", number=number, lease_no=1, draw=max(number - 1, 0), params={"b": 0.5}, known=0,
            incumbent=None, algorithm_state=None,
        )  # fmt: skip
        trial = self.ledger.reserve_asked(RUN, worker, asked, guesses=1, lease_s=60)
        assert (trial is None) == (len(self.current) == self.budget)
        if trial is None:
            return None
        assert trial.number not in self.current
        self.current[trial.number] = trial.lease_no
        assert (trial.params is not None) == (trial.number == number > 0 and trial.lease_no == 1)
        return trial.lease

    @rule(target=leases, worker=WORKERS)
    def take_over(self, worker: str) -> Lease | None:
        lease = self.ledger.take_over(RUN, worker, lease_s=60)
        if lease is not None:
            assert lease.lease_no == self.current[lease.number] + 1
            self.current[lease.number] = lease.lease_no
        return lease

    @rule(worker=WORKERS)
    def release(self, worker: str) -> None:
        self.ledger.release(RUN, worker)

    @rule(target=leases, lease=leases, beta=st.floats(0, 1))
    def propose(self, lease: Lease | None, beta: float) -> Lease | None:
        if lease is None or lease.params is not None or not self._writes(lease) or self._has_params(lease):
            return None
        return self.ledger.propose(
            lease, {"b": beta}, origin="ask", known=0, incumbent=None, algorithm_state=None
        ).lease

    @rule(lease=consumes(leases))
    def withdraw(self, lease: Lease | None) -> None:
        if lease is not None and self._writes(lease) and not self._has_params(lease):
            self.ledger.withdraw(lease)
            del self.current[lease.number]

    @rule(lease=leases, index=st.integers(0, 3))
    def record(self, lease: Lease | None, index: int) -> None:
        if lease is None:
            return
        before = self.ledger.replicates(RUN, lease.number)
        may = self._writes(lease)
        try:
            self.ledger.record(lease, [a_replicate(lease.number, index)])
            assert may
        except LeaseLost:
            assert not may
            assert self.ledger.replicates(RUN, lease.number) == before

    @rule(lease=leases)
    def finish(self, lease: Lease | None) -> None:
        if lease is None or lease.params is None:
            return
        may = self._writes(lease) or self._finished_by(lease)
        try:
            self.ledger.finish(lease, an_end(float(lease.number)))
            assert may
        except LeaseLost:
            assert not may

    @invariant()
    def nothing_is_missed_by_following(self) -> None:
        for trial in self.ledger.changes(RUN, self.seq) if self.ledger.list_runs() else []:
            seqs = [s for s in (trial.proposed_seq, trial.finished_seq) if s is not None and s > self.seq]
            assert seqs[-1] == max(seqs)
            self.seen[trial.number] = trial
        given = sorted(s for t in self.seen.values() for s in (t.proposed_seq, t.finished_seq) if s is not None)
        assert given == list(range(1, len(given) + 1))
        self.seq = given[-1] if given else 0

    def _row(self, lease: Lease) -> Trial | None:
        return next((t for t in self.ledger.trials(RUN) if t.number == lease.number), None)

    def _writes(self, lease: Lease) -> bool:
        row = self._row(lease)
        return (
            row is not None
            and row.status == "LEASED"
            and row.lease_no == lease.lease_no == self.current.get(lease.number)
        )

    def _finished_by(self, lease: Lease) -> bool:
        row = self._row(lease)
        return row is not None and row.status.is_final and row.lease_no == lease.lease_no

    def _has_params(self, lease: Lease) -> bool:
        row = self._row(lease)
        return row is not None and row.params is not None


Workers.TestCase.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
TestWorkers = Workers.TestCase
