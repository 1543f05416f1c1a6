"""The live display of a run. One thread owns it, imports rich, and draws: the search never waits for it."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable

from modelops_cli.output import echo_line
from modelops_runtime.runner.events import Event, Notice, RunStarted
from mops.terminal.live_status import LiveStatus, initial_status, rows, updated_status

_EVERY_S = 0.25


class LiveDisplay:
    """Receives the events of a run and draws its status on stderr."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._status: LiveStatus | None = None
        self._lines: deque[str] = deque()
        self._stopping = False
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def on_event(self, event: Event) -> None:
        """Only count; the thread draws."""
        match event:
            case RunStarted():
                self._status = initial_status(event, self._clock())
                self._thread = threading.Thread(target=self._run, name="live display", daemon=True)
                self._thread.start()
            case Notice(text):
                self._lines.append(text)
                if self._thread is None:
                    self._echo_lines()
            case _ if self._status is not None:
                self._status = updated_status(self._status, event, self._clock())

    def on_stop(self) -> None:
        """Called by a signal handler, so it takes no lock and writes nothing."""
        self._stopping = True

    def close(self) -> None:
        """Leave the last state on the screen, and release the terminal."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self._echo_lines()

    def _echo_lines(self) -> None:
        for text in self._new_lines():
            echo_line(text, err=True)

    def _new_lines(self) -> list[str]:
        return [self._lines.popleft() for _ in range(len(self._lines))]

    def _run(self) -> None:
        with contextlib.suppress(OSError):  # the terminal is gone; the run is not
            self._draw_until_ended()

    def _draw_until_ended(self) -> None:
        from mops.terminal.drawing import live_drawing

        with live_drawing() as draw:
            while True:
                ended = self._ended.is_set()
                assert self._status is not None
                rows_now = rows(self._status, self._clock(), stopping=self._stopping, ended=ended)
                draw(rows_now, self._new_lines())
                if ended:
                    return
                self._ended.wait(_EVERY_S)
