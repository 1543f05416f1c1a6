"""`mops run`: calibrate, here, on Dask, or on a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelops_cli.output import echo_json, echo_line, echo_lines
from mops.cluster.chosen_cluster import ChosenCluster
from mops.commands.options import chosen_cluster_options, values_option
from mops.commands.which_ledger import ledger_option

if TYPE_CHECKING:
    from modelops_runtime.api.calibration import Calibration
    from modelops_runtime.simulation.dask.scheduler_address import DaskTarget

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
    "--workspace", metavar="NAME", help="Run on this workspace of a cluster (`mops workspace up`), and follow."
)
@click.option("--namespace", metavar="NS", help="With --workspace: the run's namespace; default: one of its own.")
@values_option
@chosen_cluster_options
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
    workspace: str | None,
    namespace: str | None,
    values_files: tuple[Path, ...],
    cluster: ChosenCluster,
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
    mops run --spec adaptive.yaml --workspace modelops
    mops run --spec adaptive.yaml --workspace modelops --infra azure
    """
    if workspace is not None:
        from mops.commands.run_on_workspace import run_on_workspace

        given = {"--ledger": ledger_url, "--workers": workers, "--trials": trials, "--dask": dask, "--dask-ca": dask_ca}
        given |= {"--dask-cert": dask_cert, "--dask-key": dask_key, "--fresh": fresh or None, "--large": large or None}
        local = [name for name, value in given.items() if value is not None]
        with cluster.access() as access:
            run_on_workspace(
                access, spec, local, workspace=workspace, run_id=run_id, namespace=namespace, values_files=values_files,
                out=out, as_json=as_json, quiet=quiet,
            )  # fmt: skip
        return
    _refuse_without_workspace(namespace, values_files, cluster)
    from modelops_runtime.api.calibrate import calibrate
    from modelops_runtime.contracts.errors import RunFailed
    from mops.terminal.answer import answer_lines, ended_json, failed_json
    from mops.terminal.progress import listener

    pages: list[Path] = []
    try:
        with listener(as_json=as_json, quiet=quiet) as show:
            done = calibrate(
                spec,
                run_id=run_id,
                ledger=ledger_url,
                workers=workers,
                trials=trials,
                dask=_target(dask, dask_ca, dask_cert, dask_key),
                out=out,
                fresh=fresh,
                large=large,
                on_event=show.on_event,
                on_stop=show.on_stop,
                on_failed_report=pages.append,
            )
    except RunFailed as error:
        if as_json:
            echo_json(failed_json(error, pages[0]))
        echo_line(f"report of what failed: {pages[0]}", err=True)
        raise
    if as_json:
        echo_json(ended_json(done))
    if done.interrupted:
        echo_line(f"stopped; the same command goes on from here: {_standing(done)}", err=True)
        raise click.exceptions.Exit(130)
    if not as_json:
        echo_lines(answer_lines(done))


def _refuse_without_workspace(namespace: str | None, values_files: tuple[Path, ...], cluster: ChosenCluster) -> None:
    from modelops_runtime.contracts.errors import UserError

    given = {"--namespace": namespace, "--values": values_files}
    if names := [name for name, value in given.items() if value] + [*cluster.options()]:
        raise UserError(f"{', '.join(names)} goes with --workspace NAME")


def _standing(done: Calibration) -> str:
    return f"{done.trials_made} trials finished in this call (run {done.run_id!r})"


def _target(address: str | None, ca: Path | None, cert: Path | None, key: Path | None) -> DaskTarget | None:
    from modelops_runtime.contracts.errors import UserError
    from modelops_runtime.simulation.dask.scheduler_address import DaskTarget

    files = (ca, cert, key)
    if address is None:
        if any(files):
            raise UserError("--dask-ca, --dask-cert and --dask-key go with --dask tls://...")
        return None
    if address.startswith("tls://") and not all(files):
        raise UserError("a tls:// scheduler needs --dask-ca, --dask-cert and --dask-key")
    return DaskTarget(address=address, ca=ca, cert=cert, key=key)
