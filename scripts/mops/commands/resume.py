"""`mops resume`: end a pause."""

from __future__ import annotations

import click

from modelops_cli.output import echo_line
from mops.commands.which_ledger import ledger_option, open_for_reading, run_argument, run_called


@click.command()
@run_argument
@ledger_option
def command(run_id: str, ledger_url: str | None) -> None:
    """End the pause of RUN: its waiting workers go on within a second.

    To continue a run that was stopped (Ctrl-C, a crash), use `mops run` with its spec instead.

    \b
    mops resume boarding-school
    mops resume run-abc --ledger postgresql://user@host/db
    """
    ledger = open_for_reading(ledger_url)
    try:
        was_paused = run_called(ledger, run_id).paused
        ledger.set_paused(run_id, False)
    finally:
        ledger.close()
    if was_paused:
        echo_line(f"{run_id}: resumed; where no worker waits, `mops run` with its spec goes on")
    else:
        echo_line(f"{run_id}: it was not paused; `mops run` with its spec goes on")
