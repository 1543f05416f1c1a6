"""What a finished ledger must look like, whoever worked on it and however often it was killed."""

from __future__ import annotations

import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from modelops_runtime.contracts.errors import ModelOpsError
from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.ledger.base import Ledger, Trial
from modelops_runtime.ledger.opening import open_ledger
from tests.support.patience import eventually


def read(url: str, run_id: str) -> tuple[list[Trial], list[tuple[int, int, int, str, str]]]:
    """All trials, and (trial, index, seed, status, digest) of all replicates."""
    ledger: Ledger = open_ledger(url, create=False)
    try:
        rows = [(r.number, r.index, r.seed, r.status, r.digest) for r in ledger.replicates(run_id)]
        return ledger.trials(run_id), rows
    finally:
        ledger.close()


@contextmanager
def copied(ledger: Path, to: Path) -> Iterator[sqlite3.Connection]:
    """A copy of an SQLite ledger, open to be changed; what was changed stays when the block ends well."""
    with closing(sqlite3.connect(ledger)) as source, closing(sqlite3.connect(to)) as copy, copy:
        source.backup(copy)
        yield copy


def assert_whole(url: str, run_id: str, *, trials: int) -> None:
    """Exactly `trials` search trials, all final, none LEASED or PENDING, each replicate recorded once."""
    found, replicates = read(url, run_id)
    search = [t for t in found if t.phase == "search"]
    assert [t.number for t in search] == list(range(trials))
    assert not [(t.phase, t.number, t.status) for t in found if not t.status.is_final]
    assert max(Counter((number, index) for number, index, *_ in replicates).values()) == 1
    for trial in search:
        if trial.status is TrialStatus.COMPLETED:
            recorded = [r for r in replicates if r[0] == trial.number and r[1] < 2**32 and r[3] == "COMPLETED"]
            assert len(recorded) == trial.replicates


def answer_of(url: str, run_id: str) -> list[tuple[object, ...]]:
    """All that must not depend on kills: what was tried, what it yielded, bit for bit."""
    found, replicates = read(url, run_id)
    trials = [(t.phase, t.number, t.param_id, t.params, t.status, t.loss, t.loss_se, t.stopped_early) for t in found]
    return [*trials, *sorted(replicates)]


def wait_for_trials(url: str, run_id: str, process: subprocess.Popen[str], count: int) -> None:
    """Until `count` trials of the run that `process` works on are final; fails when it ends without."""

    def finished() -> int:
        with suppress(ModelOpsError):  # no ledger, or no run in it yet
            return sum(trial.status.is_final for trial in read(url, run_id)[0])
        return 0

    eventually(lambda: process.poll() is not None or finished() >= count, every_s=0.1)
    assert finished() >= count, process.communicate() if process.poll() is not None else "too slow, or it hangs"
