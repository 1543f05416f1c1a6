"""The progress of a run on stderr: live on a terminal, now and then a plain line elsewhere; JSON for programs on stdout."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from modelops_cli.output import echo_json, echo_line
from modelops_runtime.runner.events import Counts, Detail, Event, Notice, RunStarted, Tick, TrialFinished, event_json
from mops.terminal.text import duration, number

_PLAIN_LINE_S = 5.0
STOPPING = "stopping: what runs is finished first; Ctrl-C again stops now"


class Listener(Protocol):
    """Shows a run."""

    def on_event(self, event: Event) -> None: ...

    def on_stop(self) -> None:
        """Called in the signal handler at the first Ctrl-C."""
        ...

    def close(self) -> None: ...


class Quiet:
    """Shows nothing."""

    def on_event(self, event: Event) -> None:
        """Shows nothing."""

    def on_stop(self) -> None:
        """Shows nothing."""

    def close(self) -> None:
        """There is nothing to close."""


class JsonLines:
    """Writes each event about the state of the run as a JSON object on stdout."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def on_event(self, event: Event) -> None:
        if not isinstance(event, Detail):
            echo_json(event_json(event))

    def on_stop(self) -> None:
        if not self._quiet:
            echo_line(STOPPING, err=True)

    def close(self) -> None:
        """There is nothing to close."""


class PlainLines:
    """A line every few seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._shown_at = clock()

    def on_event(self, event: Event) -> None:
        match event:
            case RunStarted(run_id, trials, finished, slots):
                found = f", {finished} of them found in the ledger" if finished else ""
                echo_line(f"{run_id}: {trials} trials{found}; {slots} simulations side by side", err=True)
            case Notice(text):
                echo_line(text, err=True)
            case TrialFinished(_, counts) | Tick(counts):
                if self._clock() - self._shown_at >= _PLAIN_LINE_S:
                    self._shown_at = self._clock()
                    echo_line(progress_line(counts), err=True)

    def on_stop(self) -> None:
        echo_line(STOPPING, err=True)

    def close(self) -> None:
        """There is nothing to close."""


@contextmanager
def listener(*, as_json: bool, quiet: bool) -> Iterator[Listener]:
    """The display of a run; it releases the terminal when the block ends."""
    show = _listener(as_json=as_json, quiet=quiet)
    try:
        yield show
    finally:
        show.close()


def _listener(*, as_json: bool, quiet: bool) -> Listener:
    if as_json:
        return JsonLines(quiet=quiet)
    if quiet:
        return Quiet()
    if can_be_live(sys.stderr.isatty(), os.environ):
        from mops.terminal.live import LiveDisplay

        return LiveDisplay(time.monotonic)
    return PlainLines(time.monotonic)


def can_be_live(is_terminal: bool, environ: Mapping[str, str]) -> bool:
    """Whether lines can be drawn again. NO_COLOR turns off colours only; rich does that."""
    return is_terminal and environ.get("TERM", "").lower() not in ("", "dumb", "unknown")


def progress_line(counts: Counts) -> str:
    """`143/300 trials  best 57.21 (#98)  812 simulations/s  2/2 busy  about 4 s left`."""
    parts = [f"{counts.finished}/{counts.trials} trials", f"best {number(counts.best_loss)}"]
    if counts.best_trial is not None:
        parts[-1] += f" (#{counts.best_trial})"
    if counts.failed:
        parts.append(f"{counts.failed} failed")
    if counts.confirming:
        parts.append(f"confirming {counts.confirmed}/{counts.finalists}")
    if counts.paused:
        parts.append("paused")
    parts += [f"{number(counts.simulations_per_s)} simulations/s", f"{counts.busy}/{counts.slots} busy"]
    if (left := seconds_left(counts)) is not None:
        parts.append(f"about {duration(left)} left")
    return "  ".join(parts)


def seconds_left(counts: Counts) -> float | None:
    """Seconds until the budget is used at the rate so far; None before anything finished, while paused and while confirming."""
    done = counts.finished - counts.found
    if counts.confirming or counts.paused or done <= 0:
        return None
    return (counts.trials - counts.finished) * counts.elapsed_s / done
