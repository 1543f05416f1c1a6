"""Which trial a worker takes on next: one left by a dead worker, one of the budget, or one to confirm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from modelops_runtime.ledger.base import Lease, Trial
from modelops_runtime.runner.events import TookOver
from modelops_runtime.runner.loop_context import LoopContext
from modelops_runtime.runner.setup.settings import LEASE_S

TAKE_OVER_EVERY_S = 5.0
"""Seconds between looks for trials whose worker died, while there is other work."""


class Reservations:
    """The leases that one worker takes, and the one it has not begun on."""

    def __init__(
        self, context: LoopContext, ask: Callable[[Lease], Lease | None], written: Callable[[Trial], None]
    ) -> None:
        """`ask` proposes for a trial before it is reserved, or not; `written` hears of the proposal that was written."""
        self._p = context
        self._ask = ask
        self._written = written
        self._next: Lease | None = None
        """The next reservation, if nobody else reserves before it."""
        self._last: Lease | None = None
        self.held: Lease | None = None
        """A reservation for which the algorithm had nothing yet."""
        self.asking_ended = False
        self.budget_used = False
        self._look_for_dead_at = context.clock()

    @property
    def may_ask(self) -> bool:
        """Whether there may be a further trial in the budget."""
        return not self.asking_ended and not self.budget_used

    @property
    def looks_for_dead(self) -> bool:
        """Whether trials of dead workers go first now."""
        return self._p.clock() >= self._look_for_dead_at

    def next(self) -> Lease | None:
        """One more trial to work on, or None when there is none just now."""
        if self.looks_for_dead:
            if (lease := self._take_over()) is not None:
                return lease
            self._look_for_dead_at = self._p.clock() + TAKE_OVER_EVERY_S
        lease, self.held = self.held, None
        return lease or self._reserve() or self._take_over()

    def _take_over(self) -> Lease | None:
        lease = self._p.ledger.take_over(self._p.run_id, self._p.worker, lease_s=LEASE_S)
        if lease is not None and lease.lease_no > 1:
            self._p.on_event(TookOver(lease.phase, lease.number, lease.lease_no))
        return lease

    def _reserve(self) -> Lease | None:
        if not self.may_ask:
            return None
        guesses = len(self._p.settings.guesses)
        expected = self._next
        asked = None if expected is None or expected.number >= self._p.trials else self._ask(expected)
        if asked is None:
            lease = self._p.ledger.reserve(self._p.run_id, self._p.worker, guesses=guesses, lease_s=LEASE_S)
        else:
            trial = self._p.ledger.reserve_asked(
                self._p.run_id, self._p.worker, asked, guesses=guesses, lease_s=LEASE_S
            )
            if trial is not None and trial.params is not None:
                self._written(trial)
            lease = None if trial is None else trial.lease
        self.budget_used = lease is None
        self._next = None if lease is None else following(lease, self._last)
        self._last = lease
        return lease

    def end_asking(self, why: str) -> None:
        """No worker of the run takes on a further trial of the budget."""
        self._p.ledger.end_asking(self._p.run_id, why)
        self.asking_ended = True


def following(lease: Lease, before: Lease | None) -> Lease | None:
    """The reservation after `lease`, not made yet; None where it is not foreseen.

    It is where the algorithm is asked for `lease`, and nobody else has reserved since the one `before`.
    """
    if lease.draw is None or lease.lease_no > 1 or (before is not None and lease.number != before.number + 1):
        return None
    return replace(lease, number=lease.number + 1, draw=lease.draw + 1, params=None, algorithm_state=None)
