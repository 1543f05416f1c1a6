"""`mops results`: what a run found, out of its ledger."""

from __future__ import annotations

from pathlib import Path

import click

from mops.which_ledger import ledger_option, open_for_reading, run_argument, run_called


@click.group()
def command() -> None:
    """Take a run's results out of its ledger."""


@command.command()
@run_argument
@click.option(
    "--to", type=click.Path(path_type=Path, file_okay=False), required=True, help="A folder; made when missing."
)
@ledger_option
def export(run_id: str, to: Path, ledger_url: str | None) -> None:
    """Write RUN as Parquet: trials, replicates, fit; and run.json.

    \b
    mops results export boarding-school --to results
    python -c "import pandas; print(pandas.read_parquet('results/trials.parquet'))"
    """
    from modelops_runtime.results.export import export_run

    ledger = open_for_reading(ledger_url)
    try:
        run_called(ledger, run_id)
        for path in export_run(ledger, run_id, to):
            click.echo(path)
    finally:
        ledger.close()
