"""Rows of a live display on a terminal, by rich. Imported by the display's thread alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from modelops_runtime.contracts.plain_text import plain_line, plain_streams, unfiltered
from mops.terminal.live_status import StatusRow, fitted

_WIDEST = 100
_LABELS = 9
_BAR = (8, 40)
"""Narrowest and widest bar, in columns."""
_STYLES = {"plain": "", "strong": "bold", "wait": "yellow", "bad": "red"}

Draw = Callable[[tuple[StatusRow, ...], list[str]], None]


@contextmanager
def live_drawing() -> Iterator[Draw]:
    """A function that replaces the drawn rows, and prints lines above them that stay. The last rows stay too."""
    # Other output to stderr passes the filter for plain text, then the console.
    console = Console(file=unfiltered(sys.stderr))
    with Live(console=console, auto_refresh=False, redirect_stdout=False) as live, plain_streams():
        console.show_cursor(True)  # so that it is visible when the run is stopped by Ctrl-Z, or killed

        def draw(rows_now: tuple[StatusRow, ...], lines: list[str]) -> None:
            for line in lines:
                console.print(Text(plain_line(line)), soft_wrap=True)
            live.update(DrawnStatus(rows_now), refresh=True)

        yield draw


class DrawnStatus:
    """Rows fitted to the terminal's width; the first is the head."""

    def __init__(self, rows_now: tuple[StatusRow, ...]) -> None:
        self._rows = rows_now

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        # One column stays free, since some terminals break a line that fills them.
        width = max(1, min(options.max_width - 1, _WIDEST))
        head, *others = self._rows
        yield _line(Text(f"{head.label}  ", style="bold"), head, width)
        for row in others:
            if row is others[-1]:  # the terminal writes ^C after it; wrapped there, it would leave a line behind
                width = max(1, min(width, options.max_width - 1 - 2 * len("^C")))
            label = Text(row.label.ljust(_LABELS), style="dim")
            yield _line(label, row, width) if row.share is None else _barred(label, row, width, options)


def _line(label: Text, row: StatusRow, width: int) -> Text:
    return _cut(Text.assemble(label, (fitted(row.parts, width - len(label)), _STYLES[row.tone])), width)


def _barred(label: Text, row: StatusRow, width: int, options: ConsoleOptions) -> Text:
    narrowest, widest = _BAR
    words = fitted(row.parts, width - len(label) - narrowest - 2)
    length = max(0, min(widest, width - len(label) - len(words) - 2))
    share = row.share or 0.0
    done = int(share * length)
    full, empty = ("#", "-") if options.ascii_only else ("━", "─")
    bar = Text.assemble((full * done, "green" if share >= 1 else "cyan"), (empty * (length - done), "dim"))
    return _cut(Text.assemble(label, bar, f"  {words}"), width)


def _cut(text: Text, width: int) -> Text:
    text.no_wrap = True
    text.truncate(width, overflow="crop")
    return text
