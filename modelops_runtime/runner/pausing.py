"""Pausing a run: its workers finish the trials under way, and wait. Paused time does not count as search time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Pausing:
    """Whether a run is paused, as last read, and for how long it has been."""

    is_paused: bool = False
    _since: float = 0.0
    _before: float = 0.0

    def read(self, paused: bool, *, run_id: str, now: float) -> str | None:
        """Update from the ledger; returns a line to show if the state changed."""
        if paused == self.is_paused:
            return None
        self.is_paused = paused
        if paused:
            self._since = now
            return f"paused; `mops resume {run_id}` goes on"
        self._before += now - self._since
        return "resumed"

    def seconds(self, now: float) -> float:
        """For how long it was paused, in all."""
        return self._before + (now - self._since if self.is_paused else 0.0)
