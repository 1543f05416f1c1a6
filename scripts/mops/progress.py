"""A plain line of progress: rewritten in place on a terminal, now and then a new one elsewhere, JSON for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from modelops_runtime.runner.events import Counts, Event, Notice, RunStarted, Tick, TrialFinished, event_json
from mops.text import duration, number

_REDRAW_S = 0.2
_PLAIN_LINE_S = 5.0


class Listener:
    """Shows the events of a run. `say` shows a line of its own."""

    def __init__(self, *, as_json: bool, quiet: bool, clock: Callable[[], float]) -> None:
        self._as_json = as_json
        self._quiet = quiet
        self._clock = clock
        self._terminal = sys.stderr.isatty() and not as_json and not quiet
        self._every_s = _REDRAW_S if self._terminal else _PLAIN_LINE_S
        self._shown_at = clock()
        self._line = ""

    def on_event(self, event: Event) -> None:
        if self._as_json:
            click.echo(json.dumps(event_json(event)))
            return
        match event:
            case RunStarted(run_id, trials, finished, slots):
                found = f", {finished} of them found in the ledger" if finished else ""
                self.say(f"{run_id}: {trials} trials{found}; {slots} simulations side by side")
            case Notice(text):
                self.say(text)
            case TrialFinished(_, counts) | Tick(counts):
                self._show(counts)

    def say(self, text: str) -> None:
        """A line that stays."""
        if self._quiet:
            return
        self._erase()
        click.echo(text, err=True)

    def close(self) -> None:
        """Leave the last line of progress standing."""
        if self._terminal and self._line:
            click.echo(err=True)

    def _show(self, counts: Counts) -> None:
        now = self._clock()
        if self._quiet or now - self._shown_at < self._every_s:
            return
        self._shown_at = now
        line = progress_line(counts)
        self._erase()
        self._line = line
        click.echo(line, err=True, nl=not self._terminal)

    def _erase(self) -> None:
        if self._terminal and self._line:
            click.echo("\r" + " " * len(self._line) + "\r", err=True, nl=False)
            self._line = ""


@contextmanager
def listener(*, as_json: bool, quiet: bool) -> Iterator[Listener]:
    """A listener whose last line is ended when the block ends."""
    show = Listener(as_json=as_json, quiet=quiet, clock=time.monotonic)
    try:
        yield show
    finally:
        show.close()


def progress_line(counts: Counts) -> str:
    """`143/300 trials  best 57.21 (#98)  812 simulations/s  2/2 busy  about 4 s left`."""
    parts = [f"{counts.finished}/{counts.trials} trials", f"best {number(counts.best_loss)}"]
    if counts.best_trial is not None:
        parts[-1] += f" (#{counts.best_trial})"
    if counts.failed:
        parts.append(f"{counts.failed} failed")
    if counts.confirming:
        parts.append(f"confirming {counts.confirmed}/{counts.finalists}")
    parts += [f"{number(counts.simulations_per_s)} simulations/s", f"{counts.busy}/{counts.slots} busy"]
    if (left := seconds_left(counts)) is not None:
        parts.append(f"about {duration(left)} left")
    return "  ".join(parts)


def seconds_left(counts: Counts) -> float | None:
    """Seconds until the budget is used at the pace so far; None before anything finished and while confirming."""
    made = counts.finished - counts.found
    if counts.confirming or made <= 0:
        return None
    return (counts.trials - counts.finished) * counts.elapsed_s / made
