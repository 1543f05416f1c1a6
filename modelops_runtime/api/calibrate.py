"""`calibrate`: one run, from Python. `mops run` is a thin caller of it."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from modelops_runtime.api.calibration import Calibration, about, of_run
from modelops_runtime.contracts.errors import ModelOpsError, RunFailed, UserError
from modelops_runtime.inference.effective_sizes import with_sizes
from modelops_runtime.ledger.opening import open_ledger
from modelops_runtime.runner.events import OnEvent
from modelops_runtime.runner.request import RunReport, RunRequest
from modelops_runtime.runner.run import run_spec
from modelops_runtime.runner.signals import StopRequest, stop_on_signals
from modelops_runtime.simulation.dask.scheduler_address import SchedulerAddress
from modelops_runtime.specs.cluster import DNS_LABEL
from modelops_runtime.specs.loading import LoadedSpec, load_spec

_FOR_THE_END = ("modelops_runtime.results.report.page", "scipy.special", "jinja2")
"""What the report is made of. It is imported while the first simulation's process starts, which takes as long."""

LEDGER = Path(".modelops") / "ledger.sqlite"


def calibrate(
    spec: str | Path,
    *,
    run_id: str | None = None,
    ledger: str | None = None,
    workers: int | None = None,
    trials: int | None = None,
    dask: str | SchedulerAddress | None = None,
    out: str | Path | None = None,
    fresh: bool = False,
    large: bool = False,
    on_event: OnEvent | None = None,
    on_stop: Callable[[], None] | None = None,
    on_failed_report: Callable[[Path], None] | None = None,
) -> Calibration:
    """Search the parameters of a model until its output fits the data, and write a report.

    Calling it again continues the run where it stopped, or returns its result at once if it has finished.

    - spec: path of an adaptive.yaml; `write_project` makes one from functions and data frames.
    - run_id: the run's name; default: the spec's `name`.
    - ledger: a file or postgresql://...; default: MODELOPS_LEDGER, else .modelops/ledger.sqlite beside the spec.
    - workers: simulations side by side on this machine; default: one for each core.
    - trials: the budget, the total number of parameter sets; default: that of the spec.
    - dask: a scheduler (tcp://..., or a SchedulerAddress with certificates) that simulates instead of this machine.
    - out: folder of report, logs and kept outputs; default: modelops-out/RUN beside the spec.
    - fresh: rename an older run of this name by adding its date, and start a new run.
    - large: accept more than 64 KB of matched values for each replicate in the ledger.
    - on_event: is called with each event of the run (`modelops_runtime.runner.events`).
    - on_stop: is called at the first Ctrl-C, after which the running simulations finish; a second Ctrl-C stops at once.
    - on_failed_report: is called with the path of the report before RunFailed is raised.

    Raises SpecErrors (nothing was started), RunDiffers (another run has this name), RunFailed (no answer), LedgerError.
    """
    loaded = load_spec(Path(spec))
    name = _checked_id(run_id or loaded.spec.name)
    folder = Path(out) if out is not None else loaded.root / "modelops-out" / name
    request = RunRequest(
        loaded=loaded,
        ledger_url=ledger or os.environ.get("MODELOPS_LEDGER") or str(loaded.root / LEDGER),
        run_id=name,
        trials=trials,
        slots=workers or cores(),
        dask=SchedulerAddress(address=dask) if isinstance(dask, str) else dask,
        fresh=fresh,
        large=large,
        logs=folder / "logs",
        outputs=None if loaded.spec.outputs.keep == "none" else folder / "outputs",
    )
    return _run_and_report(request, folder, on_event or _ignore, on_stop, on_failed_report or _ignore)


def _checked_id(run_id: str) -> str:
    if not re.fullmatch(DNS_LABEL, run_id):
        raise UserError(f"the run's id is {run_id!r}; it must be a-z, 0-9 and -, up to 63 characters")
    return run_id


def _run_and_report(
    request: RunRequest,
    folder: Path,
    on_event: OnEvent,
    on_stop: Callable[[], None] | None,
    on_failed_report: Callable[[Path], None],
) -> Calibration:
    """Run the search, and write its report; that of a failed run before RunFailed is raised."""
    threading.Thread(target=_import_for_the_end, name="modelops-imports").start()
    with _folder_that_stays(request.loaded):
        try:
            with stop_request(on_stop) as stop:
                done = run_spec(request, on_event=on_event, stop=stop)
        except RunFailed:
            on_failed_report(_write_report(request, folder))
            raise
        return _ended(request, folder, done)


@contextmanager
def _folder_that_stays(loaded: LoadedSpec) -> Iterator[None]:
    """A model may remove the folder of its spec, and with it the files of the run."""
    spec = loaded.root / loaded.path.name
    try:
        yield
    except (OSError, ModelOpsError) as error:
        if os.path.exists(spec):
            raise
        raise ModelOpsError(f"{spec} was removed while the run went on, by the model perhaps: {error}") from error


def _import_for_the_end() -> None:
    with suppress(Exception):  # it is told of where it is used
        for name in _FOR_THE_END:
            import_module(name)


def _ended(request: RunRequest, folder: Path, done: RunReport) -> Calibration:
    from modelops_runtime.inference.cautions import cautions_of, findings_of
    from modelops_runtime.inference.run_data import gather
    from modelops_runtime.results.report.page import write_page

    name = request.run_id
    opened = open_ledger(request.ledger_url, create=False)
    try:
        run = opened.get_run(name)
        assert run is not None
        told: dict[str, Any] = {}
        if not done.interrupted:
            run_data = gather(opened, name)
            found = findings_of(run_data)
            told = {
                "cautions": cautions_of(run_data, found),
                **about(found),
                "report": write_page(run_data, folder / "report.html", found),
            }
        return of_run(
            with_sizes(opened, run),
            request.ledger_url,
            interrupted=done.interrupted,
            already_finished=done.already_finished,
            trials_made=done.trials_made,
            simulations=done.simulations,
            elapsed_s=done.elapsed_s,
            **told,
        )
    finally:
        opened.close()


def cores() -> int:
    """How many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1


@contextmanager
def stop_request(on_first: Callable[[], None] | None) -> Iterator[StopRequest]:
    """Ctrl-C as a stop request; signals can be handled in the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield StopRequest()
        return
    with stop_on_signals(on_first or _nothing) as stop:
        yield stop


def _write_report(request: RunRequest, folder: Path) -> Path:
    from modelops_runtime.results.report.page import write_report

    opened = open_ledger(request.ledger_url, create=False)
    try:
        return write_report(opened, request.run_id, folder / "report.html")
    finally:
        opened.close()


def _ignore(_event: object) -> None:
    """The listener of a caller that wants no events, or no report."""


def _nothing() -> None:
    """The callback of a caller that wants no call."""
