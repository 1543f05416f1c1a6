"""`mops replay`: run recorded simulations again, and compare."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from modelops_cli.output import echo_json, echo_line
from mops.commands.which_ledger import ledger_option, open_for_reading, run_argument, run_called, spec_beside


@click.command()
@run_argument
@click.argument("trial", type=click.IntRange(min=0), metavar="TRIAL")
@click.argument("replicate", type=click.IntRange(min=0), required=False, metavar="[REPLICATE]")
@click.option(
    "--spec",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="F",
    help="The run's adaptive.yaml; default: the one beside the ledger.",
)
@ledger_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a replicate.")
def command(
    run_id: str, trial: int, replicate: int | None, spec: Path | None, ledger_url: str | None, as_json: bool
) -> None:
    """Simulate TRIAL of RUN again with the same seeds, all replicates or one, and say whether the output is identical.

    Those of the confirmation are numbered from 4294967296. Exit code 1 when an output differs.

    \b
    mops replay boarding-school 42
    mops replay boarding-school 42 0 --json
    """
    from modelops_runtime.api.calibrate import cores
    from modelops_runtime.api.opening import ready
    from modelops_runtime.api.replay import changed_since, replay

    ledger = open_for_reading(ledger_url)
    try:
        run = run_called(ledger, run_id)
        with ready(spec or spec_beside(ledger_url, run), slots=cores()) as prepared:
            for difference in changed_since(run, prepared):
                echo_line(f"mops: not as it was in the run: {difference}", err=True)
            differ = done = 0
            for one in replay(prepared, ledger, run_id, trial, replicate):
                done += 1
                differ += not one.identical
                outcome = "identical" if one.identical else f"differs: {one.before} then, {one.now} now"
                text = f"trial {one.trial} replicate {one.replicate} (seed {one.seed}): {outcome}"
                echo_json(asdict(one)) if as_json else echo_line(text)
    finally:
        ledger.close()
    if not as_json:
        echo_line(f"{done - differ} of {done} identical")
    if differ:
        raise click.exceptions.Exit(1)
