"""What the tests run as processes of their own: python -m tests.unit.ledger.workers WHAT URL ..."""

from __future__ import annotations

import sys
import time

from modelops_runtime.ledger.opening import open_ledger
from modelops_runtime.ledger.worker_identity import worker_id
from tests.unit.ledger.builders import RUN, a_replicate, a_run, an_end


def work(url: str, trials: str) -> None:
    """Make the run, and do whole trials until the budget is used; print the numbers that were reserved."""
    ledger = open_ledger(url)
    ledger.create_run(a_run(trials=int(trials)))
    numbers: list[int] = []
    while lease := ledger.reserve(RUN, worker_id(), guesses=0, lease_s=3600):
        numbers.append(lease.number)
        lease = ledger.propose(lease, {"beta": 1.5}, origin="ask", known=0, incumbent=None, algorithm_state=None).lease
        ledger.record(lease, [a_replicate(lease.number, index) for index in range(2)])
        ledger.finish(lease, an_end(float(lease.number)))
        seen = ledger.changes(RUN, 0)
        found = sorted(s for t in seen for s in (t.proposed_seq, t.finished_seq) if s is not None)
        assert found == list(range(1, found[-1] + 1)), "a reader saw a gap"
    ledger.close()
    sys.stdout.write(" ".join(map(str, numbers)))


def hold(url: str) -> None:
    """Hold two leases, one of them without parameters, and hang."""
    ledger = open_ledger(url)
    for _ in range(2):
        lease = ledger.reserve(RUN, worker_id(), guesses=0, lease_s=3600)
        assert lease is not None
        if lease.number == 0:
            ledger.propose(lease, {"beta": 1.5}, origin="ask", known=0, incumbent=None, algorithm_state=None)
    sys.stdout.write("holding\n")
    sys.stdout.flush()
    time.sleep(3600)


if __name__ == "__main__":
    {"work": work, "hold": hold}[sys.argv[1]](*sys.argv[2:])
