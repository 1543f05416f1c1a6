"""`mops rescore`: another loss on the values a run has stored."""

from __future__ import annotations

from pathlib import Path

import click

from modelops_cli.output import echo_line
from mops.commands.which_ledger import ledger_option, open_for_reading, run_argument, run_called


@click.command()
@run_argument
@click.option(
    "--spec",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="F",
    help="A spec with the run's targets, and other losses or weights.",
)
@click.option("--run-id", "new_id", metavar="ID", help="Name of the new run; default: the spec's, else RUN-rescored.")
@ledger_option
def command(run_id: str, spec: Path, new_id: str | None, ledger_url: str | None) -> None:
    """Score RUN's stored values by another loss or other weights, as a run of its own: no simulation is made.

    Data, match and columns must be those of RUN. The finalists stay the same sets.

    \b
    mops rescore boarding-school --spec poisson.yaml --run-id boarding-school-poisson
    mops report boarding-school-poisson
    """
    from modelops_runtime.api.opening import ready
    from modelops_runtime.api.rescoring import rescore
    from mops.terminal.text import values_text

    ledger = open_for_reading(ledger_url)
    try:
        old = run_called(ledger, run_id)
        with ready(spec) as prepared:
            name = prepared.loaded.spec.name
            run = rescore(prepared, ledger, run_id, new_id or (name if name != run_id else f"{run_id}-rescored"))
    finally:
        ledger.close()
    before, after = old.answer, run.answer
    assert after is not None
    echo_line(f"{run.run_id}: best is trial {after.best_trial} ({values_text(after.params)})")
    echo_line(f"{run.trials} trials scored anew, none simulated")
    if before is not None and before.best_trial not in (None, after.best_trial):
        echo_line(f"by {run_id}'s loss the best was trial {before.best_trial}")
    echo_line(f"see it: mops report {run.run_id}")
