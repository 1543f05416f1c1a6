"""The `mops` command: a thin group whose commands load only when they are used."""

from __future__ import annotations

from collections.abc import Sequence

import click

from modelops_cli.lazy import lazy_group
from modelops_cli.main import run_command_line

COMMANDS = {
    "init": "Write a small project that runs as it is, to begin from.",
    "run": "Calibrate: run the search of a spec, here or on Dask.",
    "check": "Try a spec: is it sound, does its model run, how long will it take?",
    "selftest": "Does a spec identify its parameters? Calibrate data with known ones.",
    "status": "Show where a run stands.",
    "extend": "Raise a run's budget of trials.",
    "enqueue": "Give a run parameter sets to try next.",
    "pause": "Let a run's workers take on no further trial.",
    "resume": "End a pause.",
    "report": "Write a run as one HTML page, and its figures.",
    "results": "List runs, show their answers, export their results.",
    "replay": "Simulate recorded replicates again: is the output identical?",
    "rescore": "Score a run's stored values by another loss, without a simulation.",
    "workspace": "Dask on a cluster: up, status, ls, scale, logs, down.",
    "adaptive": "A run on a cluster: up, status, logs, results, down.",
    "dashboard": "Dask's dashboard of a workspace, on this machine.",
    "doctor": "Is a cluster fit for workspaces and runs? Each finding with its remedy.",
    "infra": "A cluster on Azure: up, status, down, doctor.",
    "destroy": "Take away everything that ModelOps has in Azure.",
    "schema": "Print the JSON Schema of a spec, for editors.",
    "completion": "Print the script by which a shell completes mops.",
}
"""Name -> short help; the command `x` is `command` in the module `mops.commands.x`."""


@click.group(cls=lazy_group("mops", COMMANDS), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="modelops", prog_name="mops")
def cli() -> None:
    """Calibrate stochastic simulation models.

    \b
    mops init beetles                      a project to begin from
    mops run --spec adaptive.yaml          search the parameters of a model
    mops status RUN                        see where it stands
    mops report RUN                        one page with figures, intervals, failures
    mops results export RUN --to results   Parquet files for pandas, polars, R
    """


def main(args: Sequence[str] | None = None) -> None:
    """The entry point: every error a user can meet ends as a line on stderr and an exit code."""
    run_command_line(cli, args, name="mops", report="please report it with the spec")
