"""`mops run --workspace`: up, follow, fetch; the exit code is the run's."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet

from modelops_runtime.api.calibration import Calibration, of_run
from modelops_runtime.contracts.errors import LedgerError, RunFailed
from modelops_runtime.ledger.base import Ledger, Run, RunState
from modelops_runtime.results.run_record import cautions_of_json, fit_in_json, intervals_in_json, run_of_json
from modelops_runtime.runner.events import Notice
from mops.adaptive.ledger import NotFromHere, ledger_of
from mops.adaptive.release_ref import ClusterRun
from mops.adaptive.remote_run import RemoteRun
from mops.adaptive.results import fetch, write_results
from mops.adaptive.worker_jobs import JobEnd, job_end, job_failure
from mops.cluster.access import Access, Kube
from mops.cluster.errors import ClusterError
from mops.terminal.progress import Listener

_POLL_S = 2.0
"""Seconds between checks of the Job, and the longest wait for a change in the ledger."""

_UNREACHABLE_S = 300.0
"""Seconds without an answer of the cluster after which following ends; the run itself continues."""


@dataclass(frozen=True, kw_only=True)
class FollowedRun:
    """The end of a run on a cluster."""

    calibration: Calibration
    files: list[Path]


def follow_run(access: Access, run: ClusterRun, slots: int, to: Path, show: Listener) -> FollowedRun:
    """Show the run until its Job ends, then fetch its results. Waits for a cluster that is temporarily away.

    Raises RunFailed for a run without an answer (its results are fetched all the same), ClusterError for workers that failed.
    """
    kube, began = Kube(access), time.monotonic()
    remote: RemoteRun | None = None
    last_answer = time.monotonic()
    while True:
        try:
            with ledger_of(access, run) as ledger:
                while True:
                    remote = _show_changes(ledger, run, remote, slots, show, began)
                    last_answer = time.monotonic()
                    state = job_end(kube, run.ref)
                    if ledger is None and not state:
                        break
                    if state:
                        return _finish(kube, run, ledger, state, to, remote, time.monotonic() - began)
        except NotFromHere as error:
            if remote is None:  # it was never reachable from here
                return _follow_by_job(access, run, to, show, error.what, began)
            if time.monotonic() - last_answer > _UNREACHABLE_S:
                raise
        except (ClusterError, LedgerError):
            if _state_or_unknown(kube, run) == "Failed" or time.monotonic() - last_answer > _UNREACHABLE_S:
                raise
        time.sleep(_POLL_S)


def _show_changes(
    ledger: Ledger | None, run: ClusterRun, remote: RemoteRun | None, slots: int, show: Listener, began: float
) -> RemoteRun | None:
    ledger_run = None if ledger is None else ledger.get_run(run.ref.run_id)
    if ledger is None or ledger_run is None:
        return remote
    if remote is None:
        remote = RemoteRun(run=ledger_run, slots=slots)
        show.on_event(remote.begin(ledger.trials(ledger_run.run_id)))
    ledger.wait(ledger_run.run_id, remote.seq, _POLL_S)
    for event in remote.update(ledger.changes(ledger_run.run_id, remote.seq), ledger_run, time.monotonic() - began):
        show.on_event(event)
    return remote


def _state_or_unknown(kube: Kube, run: ClusterRun) -> JobEnd:
    try:
        return job_end(kube, run.ref)
    except ClusterError:
        return ""


def _finish(
    kube: Kube,
    run: ClusterRun,
    ledger: Ledger | None,
    state: JobEnd,
    to: Path,
    remote: RemoteRun | None,
    elapsed_s: float,
) -> FollowedRun:
    _refuse_gone(run, state)
    ledger_run = None if ledger is None else ledger.get_run(run.ref.run_id)
    if ledger is None or ledger_run is None:
        raise job_failure(kube, run.ref)
    files = write_results(ledger, run.ref.run_id, to)
    trials_made = 0 if remote is None else remote.counts(elapsed_s).finished - remote.found
    simulations = 0 if remote is None else remote.simulations
    return _with_answer(
        kube, ledger_run, state, files, run, trials_made=trials_made, simulations=simulations, elapsed_s=elapsed_s
    )


def _follow_by_job(access: Access, run: ClusterRun, to: Path, show: Listener, why: str, began: float) -> FollowedRun:
    """Finish without the ledger: wait for the Job, and fetch the results by another Job."""
    kube = Kube(access)
    show.on_event(Notice(f"{why}, so nothing is shown until the run is over"))
    last_answer = time.monotonic()
    while True:
        try:
            if state := job_end(kube, run.ref):
                break
            last_answer = time.monotonic()
        except ClusterError:
            if time.monotonic() - last_answer > _UNREACHABLE_S:
                raise
        time.sleep(_POLL_S)
    _refuse_gone(run, state)
    files = fetch(access, run, to, notify=lambda text: show.on_event(Notice(text)))
    if not files:
        raise job_failure(kube, run.ref)
    ledger_run = run_of_json((to / "run.json").read_text("utf-8"))
    trials_made, simulations = (
        parquet.read_metadata(to / f"{name}.parquet").num_rows for name in ("trials", "replicates")
    )
    elapsed_s = time.monotonic() - began
    return _with_answer(
        kube, ledger_run, state, files, run, trials_made=trials_made, simulations=simulations, elapsed_s=elapsed_s
    )


def _refuse_gone(run: ClusterRun, state: JobEnd) -> None:
    if state == "Gone":
        raise ClusterError(
            f"run {run.ref.run_id!r} was taken down by somebody", f"`{run.ref.up_command()}` goes on with it"
        )


def _with_answer(
    kube: Kube, ledger_run: Run, state: JobEnd, files: list[Path], run: ClusterRun, **took: Any
) -> FollowedRun:
    """Raises RunFailed, ClusterError for a run without an answer."""
    if ledger_run.state is RunState.FAILED:
        raise RunFailed(ledger_run.reason)
    if state == "Failed" or ledger_run.state is RunState.OPEN:
        raise job_failure(kube, run.ref)
    record = next((file for file in files if file.name == "run.json"), None)
    if record is not None:
        text = record.read_text("utf-8")
        verdict, says = fit_in_json(text)
        took |= {"cautions": cautions_of_json(text), "fit_verdict": verdict, "fit_says": says}
        took["found_intervals"] = intervals_in_json(text)
    return FollowedRun(calibration=of_run(ledger_run, "", report=files[-1], **took), files=files)
