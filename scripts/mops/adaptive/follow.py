"""`mops run --workspace`: up, follow, fetch; the exit code is the run's."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelops_runtime.api.calibration import Calibration, of_run
from modelops_runtime.contracts.errors import LedgerError, RunFailed
from modelops_runtime.ledger.base import Ledger, RunState
from mops.adaptive.ledger import ledger_of
from mops.adaptive.place import ClusterRun
from mops.adaptive.results import write_results
from mops.adaptive.up import job_failure, job_state, jobs_of
from mops.adaptive.watch import Watch
from mops.kube.access import Access, Kube
from mops.kube.errors import ClusterError
from mops.progress import Listener

_LOOK_S = 2.0
"""Between two looks at the Job, and the longest wait for a change in the ledger."""

_UNREACHABLE_S = 300.0
"""A cluster that does not answer for so long is given up: the run goes on without us."""


@dataclass(frozen=True, kw_only=True)
class Followed:
    """The end of a run on a cluster."""

    calibration: Calibration
    files: list[Path]


def follow(access: Access, run: ClusterRun, slots: int, to: Path, show: Listener) -> Followed:
    """Show the run until its Job is over, then fetch its results. A cluster that is away for a while is waited for.

    Raises RunFailed for a run without an answer (its results are fetched all the same), ClusterError for workers that failed.
    """
    kube, began = Kube(access), time.monotonic()
    watch: Watch | None = None
    last_answer = time.monotonic()
    while True:
        try:
            with ledger_of(access, run) as ledger:
                while True:
                    watch = _show_changes(ledger, run, watch, slots, show, began)
                    last_answer = time.monotonic()
                    state = _state(kube, run)
                    if ledger is None and not state:
                        break
                    if state:
                        return _ended(kube, run, ledger, state, to, watch, time.monotonic() - began)
        except (ClusterError, LedgerError):
            if _state_or_unknown(kube, run) == "Failed" or time.monotonic() - last_answer > _UNREACHABLE_S:
                raise
        time.sleep(_LOOK_S)


def _show_changes(
    ledger: Ledger | None, run: ClusterRun, watch: Watch | None, slots: int, show: Listener, began: float
) -> Watch | None:
    kept = None if ledger is None else ledger.get_run(run.place.run_id)
    if ledger is None or kept is None:
        return watch
    if watch is None:
        watch = Watch(run=kept, slots=slots)
        show.on_event(watch.begin(ledger.trials(kept.run_id)))
    ledger.wait(kept.run_id, watch.seq, _LOOK_S)
    for event in watch.take(ledger.changes(kept.run_id, watch.seq), kept, time.monotonic() - began):
        show.on_event(event)
    return watch


def _state(kube: Kube, run: ClusterRun) -> str:
    """Complete, Failed, Gone (somebody took the run down), or the empty text."""
    jobs: list[Any] = jobs_of(kube, run.place)
    return job_state(jobs[-1]) if jobs else "Gone"


def _state_or_unknown(kube: Kube, run: ClusterRun) -> str:
    try:
        return _state(kube, run)
    except ClusterError:
        return ""


def _ended(
    kube: Kube, run: ClusterRun, ledger: Ledger | None, state: str, to: Path, watch: Watch | None, elapsed_s: float
) -> Followed:
    place = run.place
    if state == "Gone":
        raise ClusterError(f"run {place.run_id!r} was taken down by somebody", "`mops adaptive up` goes on with it")
    kept = None if ledger is None else ledger.get_run(place.run_id)
    if ledger is None or kept is None:
        raise job_failure(kube, place)
    files = write_results(ledger, place.run_id, to)
    if kept.state is RunState.FAILED:
        raise RunFailed(kept.reason)
    if state == "Failed" or kept.state is RunState.OPEN:
        raise job_failure(kube, place)
    calibration = of_run(
        kept,
        "",
        trials_made=0 if watch is None else watch.counts(elapsed_s).finished - watch.found,
        simulations=0 if watch is None else watch.simulations,
        elapsed_s=elapsed_s,
        report=files[-1],
    )
    return Followed(calibration=calibration, files=files)
