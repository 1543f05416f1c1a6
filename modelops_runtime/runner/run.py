"""One worker's run of a spec: check, open the ledger, search, confirm, answer."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from modelops_runtime.bundles.ignoring import list_results
from modelops_runtime.contracts.errors import LedgerError, ModelChanged, RunDiffers, RunFailed, Unreachable, UserError
from modelops_runtime.contracts.trial import CONFIRM_FROM, TrialStatus
from modelops_runtime.ledger.base import Ledger, Run, RunState
from modelops_runtime.ledger.opening import ledger_exists, ledger_files, open_ledger
from modelops_runtime.ledger.worker_identity import worker_id
from modelops_runtime.runner.artifacts import Artifacts, keep_tables
from modelops_runtime.runner.events import Notice, OnEvent
from modelops_runtime.runner.finish import answer_of, best_trial, reported
from modelops_runtime.runner.leases import renewed_leases
from modelops_runtime.runner.loop import Loop
from modelops_runtime.runner.loop_context import LoopContext, LoopEnd
from modelops_runtime.runner.repeat_warning import RepeatWarning
from modelops_runtime.runner.request import RunReport, RunRequest
from modelops_runtime.runner.search import Search
from modelops_runtime.runner.setup.model_files import ModelCode, held_code
from modelops_runtime.runner.setup.preflight import check_size, probe, refuse_lost
from modelops_runtime.runner.setup.preparation import Prepared, planned, prepare
from modelops_runtime.runner.setup.provenance import collect
from modelops_runtime.runner.setup.repeating import RepeatCheck
from modelops_runtime.runner.setup.services import described, opened_service
from modelops_runtime.runner.setup.settings import LEASE_S
from modelops_runtime.runner.signals import StopRequest
from modelops_runtime.simulation.service import ReplicateService
from modelops_runtime.specs.adaptive import StopSpec
from modelops_runtime.specs.identity import spec_json
from modelops_runtime.specs.space import written_space


def run_spec(
    request: RunRequest,
    *,
    on_event: OnEvent,
    stop: StopRequest,
    code: ModelCode | None = None,
    service: ReplicateService | None = None,
) -> RunReport:
    """Run the search of a spec until it ends or a stop is requested.

    `code` is the model as the caller has recorded it, and `service` one that it has opened for it and these
    observations, and closes; by default new ones, on which it is also checked that the model is repeatable.
    Raises SpecErrors (nothing was started), RunDiffers, RunFailed, ModelChanged, LedgerError, SimulationError.
    """
    recorded = held_code(request.loaded, sent=request.dask is not None)
    with recorded if code is None else nullcontext(code) as held:
        return _run_recorded(request, held, on_event, stop, service)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A checked request, with its ledger and its simulation service open."""

    request: RunRequest
    code: ModelCode
    prepared: Prepared
    ledger: Ledger
    service: ReplicateService
    on_event: OnEvent
    stop: StopRequest


def _run_recorded(
    request: RunRequest, code: ModelCode, on_event: OnEvent, stop: StopRequest, service: ReplicateService | None
) -> RunReport:
    loaded = request.loaded
    plan, about_targets = planned(loaded, code)
    keep_all = loaded.spec.outputs.keep == "all"
    own = opened_service(request, code, plan, keep_tables=keep_all)
    with own if service is None else nullcontext(service) as at_hand:
        description, about_model = described(loaded, at_hand)
        prepared = prepare(loaded, code, description, plan, [*about_targets, *about_model])
        repeats: RepeatCheck | None = None
        if not _has_results(request, prepared):
            first = probe(loaded, prepared.settings, at_hand)
            refuse_lost(first)
            check_size(loaded, first, large=request.large)
            if first.failure is not None:
                on_event(Notice(f"the first simulation failed: {first.failure.kind}: {first.failure.message}"))
            elif service is None:
                repeats = RepeatCheck(prepared.settings, at_hand, first)
        _list_ledger(request)
        ledger = open_ledger(request.ledger_url, patience_s=request.ledger_patience_s)
        try:
            return _run(_Opened(request, code, prepared, ledger, at_hand, on_event, stop), repeats)
        finally:
            ledger.close()


def _list_ledger(request: RunRequest) -> None:
    """A ledger in the spec's folder is not part of the model."""
    files = ledger_files(request.ledger_url)
    if files and files[0].resolve().parent == request.loaded.root:
        list_results(request.loaded.root, [file.name for file in files])


def _has_results(request: RunRequest, prepared: Prepared) -> bool:
    """Whether the ledger holds completed trials of this run, so that the model is known to work.

    Raises RunDiffers for completed trials of a run of another identity.
    """
    if request.fresh or not ledger_exists(request.ledger_url, patience_s=request.ledger_patience_s):
        return False
    ledger = open_ledger(request.ledger_url, patience_s=request.ledger_patience_s)
    try:
        run = ledger.get_run(request.run_id)
        if run is None or not _has_completed(ledger, run):
            return False
        _refuse_other(run, prepared)
        return True
    finally:
        ledger.close()


def _has_completed(ledger: Ledger, run: Run) -> bool:
    return any(t.status is TrialStatus.COMPLETED for t in ledger.trials(run.run_id, phase="search"))


def _refuse_other(run: Run, prepared: Prepared) -> None:
    if found := prepared.differences_from(run):
        raise RunDiffers(run.run_id, tuple(found))


def _open_run(opened: _Opened) -> Run:
    """The run's row: created, or found and updated in what may change freely."""
    request, prepared, ledger, on_event = opened.request, opened.prepared, opened.ledger, opened.on_event
    spec = request.loaded.spec
    wanted = request.trials or spec.search.trials
    before = ledger.get_run(request.run_id)
    if before is not None and (request.fresh or _is_worthless(ledger, before, prepared)):
        kept = f"{request.run_id}-{ledger.now():%Y%m%d-%H%M%S}"
        ledger.rename_run(request.run_id, kept)
        on_event(Notice(f"the earlier run is kept as {kept}"))
    run = ledger.create_run(
        Run(
            run_id=request.run_id,
            identity=prepared.identity,
            identity_parts=prepared.identity_parts,
            spec=spec_json(spec),
            provenance=collect(prepared.code_digest),
            space=written_space(prepared.settings.space),
            observations=prepared.plan.observations(),
            trials=wanted,
            replicates=prepared.settings.replicates,
        )
    )
    _refuse_other(run, prepared)
    return _raise_budget(ledger, run, wanted, on_event) if wanted > run.trials else run


def _raise_budget(ledger: Ledger, run: Run, wanted: int, on_event: OnEvent) -> Run:
    """Extend to `wanted` trials in all; the first of the run's workers does it."""
    try:
        raised = ledger.extend(run.run_id, wanted)
    except UserError:
        raised = ledger.get_run(run.run_id)
        if raised is None or raised.trials < wanted:
            raise
        return raised
    on_event(Notice(f"budget raised from {run.trials} to {wanted} trials"))
    return raised


def _is_worthless(ledger: Ledger, run: Run, prepared: Prepared) -> bool:
    """A different run in which nothing completed, usually because the model has been fixed since."""
    return bool(prepared.differences_from(run)) and not _has_completed(ledger, run)


def _run(opened: _Opened, repeats: RepeatCheck | None) -> RunReport:
    """Search until the run ends or a stop is requested. Raises what `run_spec` raises."""
    ledger = opened.ledger
    run = _open_run(opened)
    if run.state is RunState.COMPLETED and _same_stop_rules(opened.request, run) and not _has_sets_to_try(ledger, run):
        return _already_finished(run)
    if run.state is not RunState.OPEN:
        ledger.reopen(run.run_id)
    worker = worker_id()
    before = _finished_by(ledger, run.run_id, worker)  # an earlier call in this process
    search = Search(opened.prepared.algorithm(), opened.prepared.settings)
    warning = RepeatWarning(ledger, run.run_id, repeats, opened.on_event, opened.stop)
    end = _run_loop(_loop_context(opened, run, worker, search, warning.on_event))
    if not end.interrupted:
        warning.complete()
        run = _conclude_run(opened, search, end)
    return RunReport(
        run_id=run.run_id,
        state=run.state,
        interrupted=end.interrupted,
        trials_made=_finished_by(ledger, run.run_id, worker) - before,
        already_finished=False,
        simulations=end.simulations,
        elapsed_s=end.elapsed_s,
        summary=run.summary,
    )


def _loop_context(opened: _Opened, run: Run, worker: str, search: Search, on_event: OnEvent) -> LoopContext:
    request = opened.request
    return LoopContext(
        run_id=run.run_id,
        trials=run.trials,
        settings=opened.prepared.settings,
        ledger=opened.ledger,
        service=opened.service,
        search=search,
        scorer=opened.prepared.plan.scorer,
        worker=worker,
        timeout_s=request.loaded.spec.model.timeout_s,
        on_event=on_event,
        stop=opened.stop,
        keep_log=Artifacts(request.logs, request.outputs).keep,
        look=opened.code.check,
        before_s=_seconds_since_its_start(opened.ledger, run),
    )


def _run_loop(context: LoopContext) -> LoopEnd:
    """Run the loop with its leases renewed; they are given back if it cannot go on."""
    ledger, run_id, worker = context.ledger, context.run_id, context.worker
    with renewed_leases(ledger, run_id, worker, LEASE_S):
        try:
            return Loop(context).run()
        except (Unreachable, ModelChanged) as error:
            if not isinstance(error, LedgerError):  # others need not wait for our leases to run out
                ledger.release(run_id, worker)
            raise


def _has_sets_to_try(ledger: Ledger, run: Run) -> bool:
    """Whether sets wait in the queue, and the budget has room for one."""
    return run.queued > 0 and len(ledger.trials(run.run_id, phase="search")) < run.trials


def _already_finished(run: Run) -> RunReport:
    answer_of(run)  # refuses a completed run without one
    return RunReport(
        run_id=run.run_id,
        state=run.state,
        interrupted=False,
        trials_made=0,
        already_finished=True,
        simulations=0,
        elapsed_s=0.0,
        summary=run.summary,
    )


def _conclude_run(opened: _Opened, search: Search, end: LoopEnd) -> Run:
    """Store the answer and close the run.

    Raises RunFailed, having closed it as FAILED, when there is none; ModelChanged, leaving it open.
    """
    request, ledger = opened.request, opened.ledger
    run_id = request.run_id
    trials = ledger.trials(run_id)
    try:
        best = best_trial(trials, search.status, opened.prepared.settings)
    except RunFailed as error:
        ledger.end_run(run_id, RunState.FAILED, str(error), {})
        raise
    run = ledger.get_run(run_id)
    assert run is not None
    summary = reported(
        best,
        search.status,
        order=list(request.loaded.spec.parameters),
        derived=opened.service.derive(best.trial.params or {}),
        simulations=sum(trial.replicates for trial in trials),
        elapsed_s=end.elapsed_s,
        stop_reason=run.reason,
    ).as_json()
    if request.loaded.spec.outputs.keep == "best" and request.outputs is not None:
        _keep_best(opened, request.outputs, best.trial.number)
    opened.code.check()
    ledger.end_run(run_id, RunState.COMPLETED, run.reason, summary)
    return replace(run, state=RunState.COMPLETED, summary=summary)


def _keep_best(opened: _Opened, folder: Path, number: int) -> None:
    """Run the best set's replicates once more for their tables: the same seeds give the same output."""
    run_id = opened.request.run_id
    trial = next(t for t in opened.ledger.trials(run_id, phase="search") if t.number == number)
    rows = opened.ledger.replicates(run_id, number)
    confirmed = {row.index: row.seed for row in rows if row.index >= CONFIRM_FROM}
    seeds = confirmed or {row.index: row.seed for row in rows}
    with opened_service(opened.request, opened.code, opened.prepared.plan, keep_tables=True) as service:
        keep_tables(folder, number, service.submit_replicates(trial.parameter_set(), seeds).result())


def _finished_by(ledger: Ledger, run_id: str, worker: str) -> int:
    return sum(trial.status.is_final and trial.worker == worker for trial in ledger.trials(run_id, phase="search"))


def _same_stop_rules(request: RunRequest, run: Run) -> bool:
    """Whether the rules that may have ended the run are still the spec's."""
    return request.loaded.spec.search.stop == _stop_rules(run)


def _stop_rules(run: Run) -> StopSpec | None:
    """Those that the run was made with; None for rules that this version does not know."""
    try:
        return StopSpec.model_validate(run.spec.get("search", {}).get("stop", {}))
    except ValidationError:
        return None


def _seconds_since_its_start(ledger: Ledger, run: Run) -> float:
    return 0.0 if run.created_at is None else max(0.0, (ledger.now() - run.created_at).total_seconds())
