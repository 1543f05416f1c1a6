"""`mops run`: calibrate, here or on Dask."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mops.which_ledger import ledger_for_spec, ledger_option

if TYPE_CHECKING:
    from modelops_runtime.runner.request import RunReport, RunRequest
    from modelops_runtime.simulation.dask_target import DaskTarget

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--spec", type=_FILE, required=True, metavar="F", help="The run's adaptive.yaml.")
@ledger_option
@click.option("--run-id", metavar="ID", help="Name of the run; default: the spec's `name`.")
@click.option(
    "--workers", type=click.IntRange(min=1), metavar="N", help="Simulations side by side here; default: one a core."
)
@click.option("--trials", type=click.IntRange(min=1), metavar="N", help="Trials in all; default: the spec's.")
@click.option(
    "--dask", metavar="ADDR", help="A Dask scheduler (tcp://... or tls://...) that simulates instead of this machine."
)
@click.option("--dask-ca", type=_FILE, metavar="FILE", help="For tls://: the CA's certificate (PEM).")
@click.option("--dask-cert", type=_FILE, metavar="FILE", help="For tls://: our certificate.")
@click.option("--dask-key", type=_FILE, metavar="FILE", help="For tls://: our key.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where the report goes; default: modelops-out/RUN beside the spec.",
)
@click.option("--json", "as_json", is_flag=True, help="Events as one JSON object a line on stdout, the answer last.")
@click.option("--quiet", is_flag=True, help="No progress, only the answer.")
@click.option("--fresh", is_flag=True, help="Keep an older run of this name under a dated name, and begin anew.")
@click.option("--large", is_flag=True, help="Accept more than 64 KB of matched values a replicate in the ledger.")
def command(
    spec: Path,
    ledger_url: str | None,
    run_id: str | None,
    workers: int | None,
    trials: int | None,
    dask: str | None,
    dask_ca: Path | None,
    dask_cert: Path | None,
    dask_key: Path | None,
    out: Path | None,
    as_json: bool,
    quiet: bool,
    fresh: bool,
    large: bool,
) -> None:
    """Search the parameters of a model until its output fits the data.

    The same command again goes on where the run was left; several at once share the work.
    Ctrl-C once finishes what runs, twice stops now.

    \b
    mops run --spec adaptive.yaml
    mops run --spec adaptive.yaml --workers 4 --trials 500
    mops run --spec adaptive.yaml --ledger postgresql://user@host/db
    mops run --spec adaptive.yaml --dask tcp://scheduler:8786
    """
    from modelops_runtime.contracts.errors import RunFailed
    from modelops_runtime.runner.request import RunRequest
    from modelops_runtime.specs.loading import load_spec

    loaded = load_spec(spec)
    name = run_id or loaded.spec.name
    folder = out or loaded.root / "modelops-out" / name
    request = RunRequest(
        loaded=loaded,
        ledger_url=ledger_for_spec(ledger_url, loaded.root),
        run_id=name,
        trials=trials,
        slots=workers or _cores(),
        dask=_target(dask, dask_ca, dask_cert, dask_key),
        fresh=fresh,
        large=large,
        logs=folder / "logs",
        outputs=None if loaded.spec.outputs.keep == "none" else folder / "outputs",
    )
    try:
        report = _follow(request, as_json=as_json, quiet=quiet)
    except RunFailed:
        click.echo(f"report of what failed: {_write_report(request, folder)}", err=True)
        raise
    if report.interrupted:
        click.echo(f"stopped; the same command goes on from here: {_standing(request, report)}", err=True)
        raise click.exceptions.Exit(130)
    page = _write_report(request, folder)
    if as_json:
        summary = {"event": "run_ended", "run": report.run_id, "state": report.state, "report": str(page)}
        click.echo(json.dumps(summary | {"summary": dict(report.summary)}))
    else:
        from mops.answer import answer_lines

        click.echo("\n".join(answer_lines(report, page)))


def _follow(request: RunRequest, *, as_json: bool, quiet: bool) -> RunReport:
    from modelops_runtime.runner.interrupts import stop_on_signals
    from modelops_runtime.runner.run import run_spec
    from mops.progress import listener

    with listener(as_json=as_json, quiet=quiet) as show:

        def on_first() -> None:
            show.say("stopping: what runs is finished first; Ctrl-C again stops now")

        with stop_on_signals(on_first) as stop:
            return run_spec(request, on_event=show.on_event, stop=stop)


def _write_report(request: RunRequest, folder: Path) -> Path:
    from modelops_runtime.ledger.opening import open_ledger
    from modelops_runtime.results.report import write_report

    ledger = open_ledger(request.ledger_url, create=False)
    try:
        return write_report(ledger, request.run_id, folder / "report.html")
    finally:
        ledger.close()


def _standing(request: RunRequest, report: RunReport) -> str:
    return f"{report.trials_made} trials finished in this call (run {request.run_id!r})"


def _target(address: str | None, ca: Path | None, cert: Path | None, key: Path | None) -> DaskTarget | None:
    from modelops_runtime.contracts.errors import UserError
    from modelops_runtime.simulation.dask_target import DaskTarget

    files = (ca, cert, key)
    if address is None:
        if any(files):
            raise UserError("--dask-ca, --dask-cert and --dask-key go with --dask tls://...")
        return None
    if address.startswith("tls://") and not all(files):
        raise UserError("a tls:// scheduler needs --dask-ca, --dask-cert and --dask-key")
    return DaskTarget(address=address, ca=ca, cert=cert, key=key)


def _cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1
