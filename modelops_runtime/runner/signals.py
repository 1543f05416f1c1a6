"""Stops a run on Ctrl-C or SIGTERM: the first signal orderly, the second at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class StopRequest:
    """Set from a signal handler or another thread, read by the loop."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1

    @property
    def asked(self) -> bool:
        """Stop asking, finish the running simulations, and leave the ledger resumable."""
        return self.times >= 1

    @property
    def now(self) -> bool:
        """Stop at once, still resumable."""
        return self.times >= 2


@contextmanager
def stop_on_signals(on_first: Callable[[], None]) -> Iterator[StopRequest]:
    """A stop request set by SIGINT and SIGTERM; the previous handlers are restored.

    `on_first` is called, in the handler, at the first signal. Only from the main thread.
    """
    request = StopRequest()

    def handle(_number: int, _frame: object) -> None:
        request()
        if request.times == 1:
            on_first()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
