"""`mops results`: what runs found, out of their ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelops_cli.output import echo_json, echo_line, echo_lines
from mops.commands.which_ledger import ledger_option, open_for_reading, run_argument, run_called

if TYPE_CHECKING:
    from modelops_runtime.results.export import Format

_json_option = click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")


@click.group()
def command() -> None:
    """List runs, show their answers, export their results.

    \b
    mops results ls
    mops results show boarding-school
    mops results export boarding-school --to results
    """


@command.command()
@ledger_option
@_json_option
def ls(ledger_url: str | None, as_json: bool) -> None:
    """List the runs of a ledger, newest first: state, trials, losses, times (UTC).

    \b
    mops results ls
    mops results ls --ledger postgresql://user@host/db --json
    """
    from modelops_runtime.results.run_summary import run_lines
    from mops.terminal.tables import listed_lines

    ledger = open_for_reading(ledger_url)
    try:
        runs = run_lines(ledger)
    finally:
        ledger.close()
    if as_json:
        echo_json([run.as_json() for run in runs])
    else:
        echo_lines(listed_lines(runs) if runs else ["no runs in this ledger"])


@command.command()
@run_argument
@ledger_option
@_json_option
def show(run_id: str, ledger_url: str | None, as_json: bool) -> None:
    """Show the answer of RUN: best parameters, what follows from them, confirmed loss, finalists.

    \b
    mops results show boarding-school
    mops results show boarding-school --json | jq .best.params
    """
    from modelops_runtime.results.run_summary import run_summary
    from mops.terminal.tables import summary_lines

    ledger = open_for_reading(ledger_url)
    try:
        run_called(ledger, run_id)
        answer = run_summary(ledger, run_id)
    finally:
        ledger.close()
    echo_json(answer.as_json()) if as_json else echo_lines(summary_lines(answer))


@command.command()
@run_argument
@click.option(
    "--to", type=click.Path(path_type=Path, file_okay=False), required=True, help="A folder; made when missing."
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["parquet", "csv", "optuna"]),
    default="parquet",
    show_default=True,
    help="parquet and csv: trials, replicates, fit, bands, and run.json; optuna: a study in study.db.",
)
@ledger_option
def export(run_id: str, to: Path, format_: Format, ledger_url: str | None) -> None:
    """Write the trials, replicates, fit and its bands of RUN as files, for pandas, polars, DuckDB, R or Optuna.

    \b
    mops results export boarding-school --to results
    python -c "import pandas; print(pandas.read_parquet('results/trials.parquet'))"
    mops results export boarding-school --to study --format optuna
    optuna-dashboard sqlite:///study/study.db
    """
    from modelops_runtime.results.export import export_run

    ledger = open_for_reading(ledger_url)
    try:
        run_called(ledger, run_id)
        for path in export_run(ledger, run_id, to, format=format_):
            echo_line(path)
    finally:
        ledger.close()
