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
from modelops_runtime.results.run_record import cautions_of_json, run_of_json
from modelops_runtime.runner.events import Notice
from mops.adaptive.ledger import NotFromHere, ledger_of
from mops.adaptive.release_ref import ClusterRun
from mops.adaptive.results import fetch, write_results
from mops.adaptive.up import end_of, job_failure
from mops.adaptive.watch import Watch
from mops.cluster.access import Access, Kube
from mops.cluster.errors import ClusterError
from mops.terminal.progress import Listener

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
                    state = end_of(kube, run.ref)
                    if ledger is None and not state:
                        break
                    if state:
                        return _ended(kube, run, ledger, state, to, watch, time.monotonic() - began)
        except NotFromHere as error:
            if watch is None:  # it never could be reached from here
                return _awaited(access, run, to, show, error.args[0], began)
            if time.monotonic() - last_answer > _UNREACHABLE_S:
                raise
        except (ClusterError, LedgerError):
            if _state_or_unknown(kube, run) == "Failed" or time.monotonic() - last_answer > _UNREACHABLE_S:
                raise
        time.sleep(_LOOK_S)


def _show_changes(
    ledger: Ledger | None, run: ClusterRun, watch: Watch | None, slots: int, show: Listener, began: float
) -> Watch | None:
    kept = None if ledger is None else ledger.get_run(run.ref.run_id)
    if ledger is None or kept is None:
        return watch
    if watch is None:
        watch = Watch(run=kept, slots=slots)
        show.on_event(watch.begin(ledger.trials(kept.run_id)))
    ledger.wait(kept.run_id, watch.seq, _LOOK_S)
    for event in watch.take(ledger.changes(kept.run_id, watch.seq), kept, time.monotonic() - began):
        show.on_event(event)
    return watch


def _state_or_unknown(kube: Kube, run: ClusterRun) -> str:
    try:
        return end_of(kube, run.ref)
    except ClusterError:
        return ""


def _ended(
    kube: Kube, run: ClusterRun, ledger: Ledger | None, state: str, to: Path, watch: Watch | None, elapsed_s: float
) -> Followed:
    _refuse_gone(run, state)
    kept = None if ledger is None else ledger.get_run(run.ref.run_id)
    if ledger is None or kept is None:
        raise job_failure(kube, run.ref)
    files = write_results(ledger, run.ref.run_id, to)
    made = 0 if watch is None else watch.counts(elapsed_s).finished - watch.found
    simulations = 0 if watch is None else watch.simulations
    return _answered(kube, kept, state, files, run, trials_made=made, simulations=simulations, elapsed_s=elapsed_s)


def _awaited(access: Access, run: ClusterRun, to: Path, show: Listener, why: str, began: float) -> Followed:
    """Without a look into the ledger: its Job tells the end, and its results are fetched as a Job can send them."""
    kube = Kube(access)
    show.on_event(Notice(f"{why}, so nothing is shown until the run is over"))
    last_answer = time.monotonic()
    while True:
        try:
            if state := end_of(kube, run.ref):
                break
            last_answer = time.monotonic()
        except ClusterError:
            if time.monotonic() - last_answer > _UNREACHABLE_S:
                raise
        time.sleep(_LOOK_S)
    _refuse_gone(run, state)
    files = fetch(access, run, to, say=lambda text: show.on_event(Notice(text)))
    if not files:
        raise job_failure(kube, run.ref)
    kept = run_of_json((to / "run.json").read_text("utf-8"))
    made, simulations = (parquet.read_metadata(to / f"{name}.parquet").num_rows for name in ("trials", "replicates"))
    elapsed_s = time.monotonic() - began
    return _answered(kube, kept, state, files, run, trials_made=made, simulations=simulations, elapsed_s=elapsed_s)


def _refuse_gone(run: ClusterRun, state: str) -> None:
    if state == "Gone":
        raise ClusterError(
            f"run {run.ref.run_id!r} was taken down by somebody", f"`{run.ref.up_command()}` goes on with it"
        )


def _answered(kube: Kube, kept: Run, state: str, files: list[Path], run: ClusterRun, **took: Any) -> Followed:
    """Raises RunFailed, ClusterError for a run without an answer."""
    if kept.state is RunState.FAILED:
        raise RunFailed(kept.reason)
    if state == "Failed" or kept.state is RunState.OPEN:
        raise job_failure(kube, run.ref)
    record = next((file for file in files if file.name == "run.json"), None)
    cautions = cautions_of_json(record.read_text("utf-8")) if record is not None else ()
    return Followed(calibration=of_run(kept, "", report=files[-1], cautions=cautions, **took), files=files)
