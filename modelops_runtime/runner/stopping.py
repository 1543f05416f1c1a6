"""How a run is asked to stop from outside (Ctrl-C, SIGTERM): once, in good order; twice, now."""

from __future__ import annotations


class StopRequest:
    """Set from a signal handler or another thread, read by the loop."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1

    @property
    def asked(self) -> bool:
        """Stop asking; finish the simulations that run; leave the ledger resumable."""
        return self.times >= 1

    @property
    def now(self) -> bool:
        """Stop at once, still resumable."""
        return self.times >= 2
