"""`mops check`: is a spec sound, does its model run, how long will a run take?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelops_cli.output import echo_json, echo_lines

if TYPE_CHECKING:
    from modelops_runtime.api.check import Checked


@click.command()
@click.option(
    "--spec",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="F",
    help="The run's adaptive.yaml.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), metavar="N", help="Simulations side by side here; default: one a core."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def command(spec: Path, workers: int | None, as_json: bool) -> None:
    """Validate a spec, simulate and score one parameter set, time it, and say how long the run will take.

    Nothing is written. Exit code 1 when the model fails there (in the middle of the ranges, or at the first guess).

    \b
    mops check --spec adaptive.yaml
    """
    from modelops_runtime.api.calibrate import cores
    from modelops_runtime.api.check import check

    result = check(spec, slots=workers or cores())
    echo_json(result.as_json()) if as_json else echo_lines(_lines(result))
    if result.failures:
        raise click.exceptions.Exit(1)


def _lines(result: Checked) -> list[str]:
    from mops.terminal.text import duration, number, values_text, warning_lines

    lines = [f"at {values_text(result.params)}:"]
    if result.failures:
        lines += [f"  failed: {text}" for text in dict.fromkeys(result.failures)]
    elif result.loss is None:
        lines.append("  the model runs, but these simulations have no finite loss")
    else:
        lines.append(
            f"  the model runs, matches {result.observations} observations, and has a loss of {number(result.loss)}"
        )
    lines.append(f"  a simulation takes {_short(result.seconds)}")
    lines.append(
        f"a run makes up to {result.simulations:,} simulations: about {duration(result.run_seconds)} on {result.slots} slots, "
        f"a ledger of about {result.ledger_bytes / 1e6:,.1f} MB"
    )
    return lines + warning_lines(result.warnings)


def _short(seconds: float) -> str:
    from mops.terminal.text import duration

    return f"{1000 * seconds:.2g} ms" if seconds < 1 else f"{seconds:.1f} s" if seconds < 60 else duration(seconds)
