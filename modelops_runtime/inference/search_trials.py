"""The search trials of a run, by how they ended."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.ledger.base import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchTrials:
    """The search trials that finished, by number."""

    full: tuple[Trial, ...]
    raced: tuple[Trial, ...]
    failed: tuple[Trial, ...]
    best: tuple[Trial, ...]
    """Each trial that was better than all before it."""

    @property
    def finished(self) -> int:
        return len(self.full) + len(self.raced) + len(self.failed)

    @property
    def losses(self) -> list[float]:
        return [loss_of(trial) for trial in (*self.full, *self.raced)]


def search_trials(trials: Sequence[Trial]) -> SearchTrials:
    """The finished search trials of `trials`, sorted by how they ended."""
    search = sorted((t for t in trials if t.phase == "search" and t.status.is_final), key=lambda t: t.number)
    completed = [
        t for t in search if t.status is TrialStatus.COMPLETED and t.loss is not None and math.isfinite(t.loss)
    ]
    full = [trial for trial in completed if not trial.stopped_early]
    best: list[Trial] = []
    for trial in full:
        if not best or loss_of(trial) < loss_of(best[-1]):
            best.append(trial)
    return SearchTrials(
        full=tuple(full),
        raced=tuple(trial for trial in completed if trial.stopped_early),
        failed=tuple(trial for trial in search if trial.status is not TrialStatus.COMPLETED),
        best=tuple(best),
    )


def loss_of(trial: Trial) -> float:
    """The loss of a completed trial."""
    return math.nan if trial.loss is None else trial.loss
