"""`mops selftest`: does a spec identify what it asks for?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelops_cli.output import echo_json, echo_line, echo_lines

if TYPE_CHECKING:
    from modelops_runtime.inference.selftest import Repeat


@click.command()
@click.option(
    "--spec", type=click.Path(path_type=Path, dir_okay=False), required=True, metavar="F", help="The adaptive.yaml."
)
@click.option(
    "--repeats",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="K",
    help="Known sets that are drawn.",
)
@click.option(
    "--trials", type=click.IntRange(min=1), metavar="N", help="Of each calibration; default: the spec's, 100 at most."
)
@click.option(
    "--replicates", type=click.IntRange(min=1), metavar="N", help="Simulations of a parameter set; default: the spec's."
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, metavar="S", help="Of draws, data and searches."
)
@click.option(
    "--workers", type=click.IntRange(min=1), metavar="N", help="Simulations side by side here; default: one a core."
)
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line: each repeat as it ends, the report last.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write selftest.txt and selftest.json (with every repeat) there.",
)
def command(
    spec: Path,
    repeats: int,
    trials: int | None,
    replicates: int | None,
    seed: int,
    workers: int | None,
    as_json: bool,
    out: Path | None,
) -> None:
    """Which of its parameters does a spec identify?

    Draws K known parameter sets from the ranges, simulates data with each (with the observation noise that a likelihood
    assumes), calibrates these data on a reduced budget, and tells how well the known values were found and how many of the
    95 % intervals hold them. The data that were really observed lend their keys alone.

    Each repeat is a run in .modelops/selftest.sqlite beside the spec: the same command again continues it.

    \b
    mops selftest --spec adaptive.yaml
    mops selftest --spec adaptive.yaml --repeats 40 --trials 200 --out selftest
    """
    from modelops_runtime.api.selftest import selftest
    from modelops_runtime.results.selftest_text import report_lines
    from mops.terminal.progress import STOPPING

    progress = _Progress(repeats, as_json=as_json)
    outcome = selftest(
        spec,
        repeats=repeats,
        trials=trials,
        replicates=replicates,
        seed=seed,
        workers=workers,
        out=out,
        on_repeat=progress.repeat,
        on_stop=lambda: echo_line(STOPPING, err=True),
    )
    if as_json:
        echo_json({"event": "selftest_ended", "interrupted": outcome.interrupted, **outcome.as_json()})
    if outcome.interrupted:
        echo_line(
            f"stopped after {len(outcome.repeats)} of {repeats} repeats; the same command goes on from here", err=True
        )
        raise click.exceptions.Exit(130)
    if not as_json:
        echo_lines(["", *report_lines(outcome)])
        if out is not None:
            echo_line(f"written: {out / 'selftest.txt'}, {out / 'selftest.json'}")


class _Progress:
    """A line for each repeat, on stderr; for programs an object, on stdout."""

    def __init__(self, repeats: int, *, as_json: bool) -> None:
        self._repeats = repeats
        self._as_json = as_json
        self._began = time.monotonic()

    def repeat(self, repeat: Repeat) -> None:
        if self._as_json:
            echo_json({"event": "repeat_finished", **repeat.as_json()})
            return
        from mops.terminal.text import duration

        left = (self._repeats - repeat.number) * (time.monotonic() - self._began) / repeat.number
        until = f"  (about {duration(left)} left)" if repeat.number < self._repeats else ""
        echo_line(f"{repeat.number}/{self._repeats}  {_found(repeat)}{until}", err=True)


def _found(repeat: Repeat) -> str:
    """`beta 1.7, found 1.68 [1.5, 1.9]; ...`."""
    if not repeat.found:
        return f"no answer: {repeat.reason}"
    compared = [
        f"{name} {_value(true)}, found {_value(repeat.found[name])}{_between(repeat, name)}"
        for name, true in repeat.truth.items()
    ]
    return "; ".join(compared)


def _between(repeat: Repeat, name: str) -> str:
    from mops.terminal.text import number

    interval = repeat.intervals.of(name) if repeat.intervals else None
    if interval is None or interval.low is None or interval.high is None:
        return ""
    return f" [{number(interval.low)}, {number(interval.high)}]"


def _value(value: object) -> str:
    from mops.terminal.text import value_text

    return value_text(value)
