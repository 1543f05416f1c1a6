"""`mops status`: where a run stands."""

from __future__ import annotations

import click

from modelops_cli.output import echo_json, echo_lines
from mops.commands.which_ledger import ledger_option, open_for_reading, run_argument, run_called


@click.command()
@run_argument
@ledger_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def command(run_id: str, ledger_url: str | None, as_json: bool) -> None:
    """Show where RUN stands: trials by status, the best, failures, who works on it.

    \b
    mops status boarding-school
    mops status run-abc --ledger postgresql://user@host/db --json
    """
    from modelops_runtime.results.run_progress import read_progress
    from mops.terminal.text import status_lines

    ledger = open_for_reading(ledger_url)
    try:
        run_called(ledger, run_id)
        summary = read_progress(ledger, run_id)
        echo_json(summary.as_json()) if as_json else echo_lines(status_lines(summary))
    finally:
        ledger.close()
