"""`mops run` on this machine, or with a Dask scheduler that simulates, as the command line shows it."""

from __future__ import annotations

from pathlib import Path

import click

from modelops_cli.output import echo_json, echo_line, echo_lines
from modelops_runtime.api.calibrate import calibrate
from modelops_runtime.api.calibration import Calibration
from modelops_runtime.contracts.errors import RunFailed, UserError
from mops.commands.run_options import RunOptions
from mops.terminal.answer import answer_lines, ended_json, failed_json
from mops.terminal.progress import listener


def run_here(options: RunOptions) -> None:
    """Calibrate, and show the answer. Raises what `calibrate` raises; an interrupted run ends with exit code 130."""
    if names := options.cluster_options():
        raise UserError(f"{', '.join(names)} goes with --workspace NAME")
    failed_reports: list[Path] = []
    try:
        calibration = _calibrate(options, failed_reports)
    except RunFailed as error:
        if options.as_json:
            echo_json(failed_json(error, failed_reports[0]))
        echo_line(f"report of what failed: {failed_reports[0]}", err=True)
        raise
    if options.as_json:
        echo_json(ended_json(calibration))
    if calibration.interrupted:
        finished = f"{calibration.trials_made} trials finished in this call (run {calibration.run_id!r})"
        echo_line(f"stopped; the same command goes on from here: {finished}", err=True)
        raise click.exceptions.Exit(130)
    if not options.as_json:
        echo_lines(answer_lines(calibration))


def _calibrate(options: RunOptions, failed_reports: list[Path]) -> Calibration:
    """Shows the run meanwhile; the report of a run that fails is added to `failed_reports`."""
    with listener(as_json=options.as_json, quiet=options.quiet) as show:
        return calibrate(
            options.spec,
            run_id=options.run_id,
            ledger=options.ledger_url,
            workers=options.workers,
            trials=options.trials,
            dask=options.dask_scheduler(),
            out=options.out,
            fresh=options.fresh,
            large=options.large,
            on_event=show.on_event,
            on_stop=show.on_stop,
            on_failed_report=failed_reports.append,
        )
