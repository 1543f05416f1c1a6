"""Runs, results and replicates with sane defaults."""

from __future__ import annotations

import struct
from typing import Any

from modelops_runtime.contracts.observations import Observations
from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.ledger.base import Lease, Ledger, Replicate, Run, Trial, TrialEnd

RUN = "boarding-school"

OBSERVED: dict[str, Any] = {
    "keys": {"day": [1, 2, 3]}, "dates": [], "observed": [3.0, 8.0, 26.0], "weight": 1.0, "loss": "mean_signal",
    "min_coverage": 1.0, "left_out": 0, "start": 0, "stop": 3,
}  # fmt: skip
"""A target of three observations, as many as `a_replicate` has values."""


def a_run(run_id: str = RUN, *, trials: int = 5, **changes: Any) -> Run:
    fields: dict[str, Any] = {
        "identity": "abc",
        "identity_parts": {"parameters": "p1", "algorithm": "optuna"},
        "spec": {"version": 1, "name": run_id, "z": 1, "a": 2},
        "replicates": 3,
    }
    observed = Observations.from_json(changes.pop("observations", {}))
    return Run(run_id=run_id, trials=trials, observations=observed, **{**fields, **changes})


def reserved(ledger: Ledger, worker: str = "w1", *, guesses: int = 0, lease_s: float = 3600.0) -> Lease:
    lease = ledger.reserve(RUN, worker, guesses=guesses, lease_s=lease_s)
    assert lease is not None
    return lease


def proposed(ledger: Ledger, worker: str = "w1", *, lease_s: float = 3600.0, beta: float = 1.5) -> Lease:
    lease = reserved(ledger, worker, lease_s=lease_s)
    params = {"zeta": beta, "alpha": 3, "kind": "gamma", "on": True}
    return ledger.propose(lease, params, origin="ask", known=0, incumbent=None, algorithm_state=None).lease


def taken_over(ledger: Ledger, worker: str = "w2") -> Lease | None:
    """What is free is taken however lately the server was started, and then held for long, however slow the machine."""
    lease = ledger.take_over(RUN, worker, lease_s=0)
    ledger.renew(RUN, worker, lease_s=3600)
    return lease


def finished(ledger: Ledger, loss: float = 1.0, worker: str = "w1") -> Trial:
    return ledger.finish(proposed(ledger, worker), an_end(loss))


def an_end(loss: float = 1.0, **changes: Any) -> TrialEnd:
    return TrialEnd(status=TrialStatus.COMPLETED, loss=loss, replicates=3, **changes)


def a_replicate(number: int = 0, index: int = 0, **changes: Any) -> Replicate:
    fields: dict[str, Any] = {
        "seed": 2**64 - 1 - index,
        "status": "COMPLETED",
        "seconds": 0.25,
        "aligned": struct.pack("<3d", 1.0, 2.5, -0.1),
        "digest": f"digest-{index}",
    }
    return Replicate(number=number, index=index, **{**fields, **changes})


def seqs(trials: list[Trial]) -> list[int]:
    """Every seq that was given, sorted."""
    return sorted(seq for t in trials for seq in (t.proposed_seq, t.finished_seq) if seq is not None)
