"""`mops enqueue`: parameter sets for a run's next trials."""

from __future__ import annotations

from pathlib import Path

import click

from modelops_cli.output import echo_line
from mops.commands.which_ledger import ledger_option, open_for_reading, run_argument, run_called


@click.command()
@run_argument
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@ledger_option
def command(run_id: str, file: Path, ledger_url: str | None) -> None:
    """Give RUN the parameter sets in FILE, to be tried next.

    FILE is YAML (or JSON): one set, or a list of them; each names every searched parameter, within its bounds.
    They take the next trials of the budget, also while the run is under way.

    \b
    echo '{beta: 1.7, gamma: 0.45}' > guess.yaml
    mops enqueue boarding-school guess.yaml
    """
    from modelops_runtime.contracts.wording import counted
    from modelops_runtime.runner.setup.guesses import read_guesses

    ledger = open_for_reading(ledger_url)
    try:
        run = run_called(ledger, run_id)
        sets = read_guesses(file, run)
        ledger.enqueue(run_id, sets)
        left = run.trials - len(ledger.trials(run_id, phase="search"))
    finally:
        ledger.close()
    waiting = run.queued + len(sets)
    echo_line(f"{run_id}: {counted(len(sets), 'set')} queued; {counted(max(left, 0), 'trial')} of the budget left")
    if waiting > left:
        needed = run.trials - max(left, 0) + waiting
        echo_line(f"`mops extend {run_id} --trials {needed}` makes room for all that wait")
