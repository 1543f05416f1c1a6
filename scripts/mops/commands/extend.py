"""`mops extend`: more trials for a run."""

from __future__ import annotations

import click

from modelops_cli.output import echo_line
from mops.commands.which_ledger import ledger_option, open_for_reading, run_argument, run_called


@click.command()
@run_argument
@click.option("--trials", type=click.IntRange(min=1), required=True, help="The new budget: trials in all.")
@ledger_option
def command(run_id: str, trials: int, ledger_url: str | None) -> None:
    """Raise RUN's budget to TRIALS in all; `mops run` with its spec then continues.

    \b
    mops extend boarding-school --trials 500
    mops run --spec adaptive.yaml
    """
    ledger = open_for_reading(ledger_url)
    try:
        before = run_called(ledger, run_id).trials
        ledger.extend(run_id, trials)
    finally:
        ledger.close()
    echo_line(f"{run_id}: budget raised from {before} to {trials} trials; `mops run` with its spec goes on")
