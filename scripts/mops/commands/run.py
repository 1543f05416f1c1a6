"""`mops run`: calibrate, here, on Dask, or on a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mops.commands.options import chosen_cluster_options, values_option
from mops.commands.run_options import RunOptions
from mops.commands.which_ledger import ledger_option

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
def command(**given: Any) -> None:
    """Search the parameters of a model until its output fits the data.

    The same command again continues the run; several at once share the work.
    Ctrl-C once finishes what runs, twice stops now.

    \b
    mops run --spec adaptive.yaml
    mops run --spec adaptive.yaml --workers 4 --trials 500
    mops run --spec adaptive.yaml --ledger postgresql://user@host/db
    mops run --spec adaptive.yaml --dask tcp://scheduler:8786
    mops run --spec adaptive.yaml --workspace modelops
    mops run --spec adaptive.yaml --workspace modelops --infra azure
    """
    options = RunOptions(**given)
    if options.workspace is None:
        from mops.commands.run_here import run_here

        run_here(options)
    else:
        from mops.commands.run_on_workspace import run_on_workspace

        run_on_workspace(options, options.workspace)
