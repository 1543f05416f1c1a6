"""`mops report`: a run as one page."""

from __future__ import annotations

from pathlib import Path

import click

from modelops_cli.output import echo_line
from mops.commands.which_ledger import ledger_option, open_for_reading, run_argument, run_called


@click.command()
@run_argument
@ledger_option
@click.option(
    "--to",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The page; default: RUN.html in this folder.",
)
@click.option(
    "--figures",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Each figure as an SVG file too (light, white ground), for a paper; SVG alone: any drawing program makes a PNG of it.",
)
def command(run_id: str, ledger_url: str | None, to: Path | None, figures: Path | None) -> None:
    """Write RUN as one HTML page that needs nothing else: to read, to print, to send.

    A run that is not over is shown as it stands.

    \b
    mops report boarding-school
    mops report boarding-school --to report.html --figures figures
    """
    from modelops_runtime.results.report.page import write_report
    from modelops_runtime.results.report.standalone import write_figures

    ledger = open_for_reading(ledger_url)
    try:
        run_called(ledger, run_id)
        echo_line(write_report(ledger, run_id, to or Path(f"{run_id}.html")))
        if figures is not None:
            for path in write_figures(ledger, run_id, figures):
                echo_line(path)
    finally:
        ledger.close()
