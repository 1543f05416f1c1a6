"""Turns the ledger rows of a run elsewhere into events for the live display. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.ledger.base import Run, Trial
from modelops_runtime.runner.events import Counts, Event, RunStarted, Tick, TrialFinished


@dataclass
class RemoteRun:
    """The known trials of a run; `update` adds changed rows."""

    run: Run
    slots: int
    trials: dict[tuple[str, int], Trial] = field(default_factory=dict)
    seq: int = 0
    """The last known change."""
    simulations: int = 0
    """Simulations that finished since `begin`."""
    found: int = 0
    best: Trial | None = None

    def begin(self, trials: Sequence[Trial]) -> RunStarted:
        """Start with the existing trials."""
        for trial in trials:
            self._record(trial)
        self.simulations, self.found = 0, self._finished()
        return RunStarted(self.run.run_id, self.run.trials, self.found, self.slots)

    def update(self, changed: Sequence[Trial], run: Run, elapsed_s: float) -> Iterator[Event]:
        """The events of these changes; a Tick if nothing has finished."""
        self.run = run
        ended = [trial for trial in changed if self._record(trial)]
        for trial in ended:
            yield TrialFinished(trial, self.counts(elapsed_s))
        if not ended:
            yield Tick(self.counts(elapsed_s))

    def counts(self, elapsed_s: float) -> Counts:
        """The current counts. Busy slots cannot be seen from here, so they are estimated by the trials under way."""
        search = [trial for (phase, _), trial in self.trials.items() if phase == "search"]
        confirm = [trial for (phase, _), trial in self.trials.items() if phase == "confirm"]
        leased = sum(trial.status is TrialStatus.LEASED for trial in self.trials.values())
        return Counts(
            finished=sum(trial.status.is_final for trial in search),
            found=self.found,
            trials=self.run.trials,
            failed=sum(trial.status in (TrialStatus.FAILED, TrialStatus.TIMEOUT) for trial in search),
            stopped_early=sum(trial.stopped_early for trial in search),
            best_loss=None if self.best is None else self.best.loss,
            best_trial=None if self.best is None else self.best.number,
            best_params=None if self.best is None else self.best.params,
            simulations=self.simulations,
            elapsed_s=elapsed_s,
            slots=self.slots,
            busy=min(self.slots, leased),
            paused=self.run.paused,
            confirming=bool(confirm),
            confirmed=sum(trial.status.is_final for trial in confirm),
            finalists=len(confirm),
        )

    def _finished(self) -> int:
        return sum(trial.status.is_final for (phase, _), trial in self.trials.items() if phase == "search")

    def _record(self, trial: Trial) -> bool:
        """Record a trial; returns whether it has ended since the last update."""
        key = (trial.phase, trial.number)
        before = self.trials.get(key)
        self.trials[key] = trial
        self.seq = max(self.seq, trial.proposed_seq or 0, trial.finished_seq or 0)
        if not trial.status.is_final or (before is not None and before.status.is_final):
            return False
        self.simulations += trial.replicates
        if _is_better(trial, self.best):
            self.best = trial
        return True


def _is_better(trial: Trial, best: Trial | None) -> bool:
    """Compares losses of the search; a set that was stopped early has only an estimate."""
    if (
        trial.phase != "search"
        or trial.status is not TrialStatus.COMPLETED
        or trial.stopped_early
        or trial.loss is None
    ):
        return False
    return best is None or best.loss is None or trial.loss < best.loss
