"""The warning of a model that is not repeatable, given while the run goes on."""

from __future__ import annotations

from modelops_runtime.ledger.base import Ledger
from modelops_runtime.runner.events import Event, Notice, OnEvent
from modelops_runtime.runner.loop import TICK_S
from modelops_runtime.runner.setup.repeating import RepeatCheck
from modelops_runtime.runner.signals import StopRequest


class RepeatWarning:
    """Passes events on; once the repeatability check is over, stores its warning with the run and shows it."""

    def __init__(
        self, ledger: Ledger, run_id: str, repeats: RepeatCheck | None, on_event: OnEvent, stop: StopRequest
    ) -> None:
        self._ledger = ledger
        self._run_id = run_id
        self._repeats = repeats
        self._on_event = on_event
        self._stop = stop

    def on_event(self, event: Event) -> None:
        self._on_event(event)
        if self._repeats is not None and self._repeats.is_over:
            self._tell(self._repeats)

    def complete(self) -> None:
        """Wait for the check, unless a stop is requested."""
        while self._repeats is not None and not self._stop.asked:
            if self._repeats.is_over:
                self._tell(self._repeats)
            else:
                self._repeats.wait(TICK_S)

    def _tell(self, repeats: RepeatCheck) -> None:
        self._repeats = None
        if warning := repeats.warning():
            self._ledger.warn(self._run_id, warning)
            self._on_event(Notice(f"warning: {warning}"))
