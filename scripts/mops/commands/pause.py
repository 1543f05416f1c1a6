"""`mops pause`: a run's workers take on no further trial."""

from __future__ import annotations

import click

from modelops_cli.output import echo_line
from mops.commands.which_ledger import ledger_option, open_for_reading, run_argument, run_called


@click.command()
@run_argument
@ledger_option
def command(run_id: str, ledger_url: str | None) -> None:
    """Let RUN's workers finish the trials under way, and then wait, wherever they are.

    It stays paused until `mops resume`, also for a `mops run` that is started meanwhile.

    \b
    mops pause boarding-school
    mops pause run-abc --ledger postgresql://user@host/db
    """
    from modelops_runtime.contracts.errors import UserError
    from modelops_runtime.ledger.base import RunState

    ledger = open_for_reading(ledger_url)
    try:
        run = run_called(ledger, run_id)
        if run.state is not RunState.OPEN:
            raise UserError(f"run {run_id!r} is {run.state.lower()}; there is nothing to pause")
        ledger.set_paused(run_id, True)
    finally:
        ledger.close()
    echo_line(f"{run_id}: paused; `mops resume {run_id}` goes on")
