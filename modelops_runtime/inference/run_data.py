"""A run's rows, read once: what the report, the exports and the cautions are made of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.contracts.wording import counted
from modelops_runtime.evaluation.fit import holds_increments, is_whole, simulated_part, stack
from modelops_runtime.inference.effective_sizes import sized_trials_of
from modelops_runtime.inference.ranking import Candidate, candidates
from modelops_runtime.ledger.base import Ledger, Phase, Replicate, Run, Trial, completed
from modelops_runtime.ledger.opening import run_in

BEST_SETS = 4
"""Sets whose fit is shown."""

LOGS = 3
"""Failed trials of one kind whose logs are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunData:
    """A run with its trials, and the replicates of its best sets and of some failed trials."""

    run: Run
    trials: Sequence[Trial]
    replicates: Sequence[Replicate]
    now: datetime

    @property
    def ranked(self) -> list[Candidate]:
        return candidates(self.trials)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Runs:
    """The simulations of one set that are drawn over the data."""

    candidate: Candidate
    values: NDArray[np.float64]
    """[replicates, observations]; no rows when nothing of it can be drawn."""
    whose: str
    """`the 50 confirmation runs of trial 7`."""
    phase: Phase

    @property
    def nuisance(self) -> Mapping[str, float]:
        """The nuisance parameters of the observation that were found for these runs."""
        confirm = self.candidate.confirm
        return (confirm if self.phase == "confirm" and confirm is not None else self.candidate.search).nuisance


def gather(ledger: Ledger, run_id: str) -> RunData:
    """Raises LedgerError when there is no such run."""
    run = run_in(ledger, run_id)
    trials = sized_trials_of(ledger, run)
    numbers = [candidate.search.number for candidate in candidates(trials)[:BEST_SETS]]
    numbers += [trial.number for trial in failed_examples(trials) if trial.number not in numbers]
    replicates = [replicate for number in numbers for replicate in ledger.replicates(run_id, number)]
    return RunData(run=run, trials=trials, replicates=replicates, now=ledger.now())


def failed_examples(trials: Sequence[Trial]) -> list[Trial]:
    """A few failed trials of each kind, with different errors where there are such, newest first."""
    by_kind: dict[str, list[Trial]] = {}
    failed = [trial for trial in trials if trial.status in (TrialStatus.FAILED, TrialStatus.TIMEOUT)]
    for trial in sorted(failed, key=lambda t: (t.finished_seq or 0, t.number), reverse=True):
        by_kind.setdefault(trial.failure or str(trial.status), []).append(trial)
    chosen: list[Trial] = []
    for those in by_kind.values():
        firsts = list({error_shape(trial.error or ""): trial for trial in reversed(those)}.values())
        rest = [trial for trial in those if trial not in firsts]
        chosen += [*firsts, *rest][:LOGS]
    return chosen


def error_shape(error: str) -> str:
    """An error without its numbers: errors that differ in those alone are one. A line of code (`model.py:12`) stays."""
    return re.sub(r"(?<![\w.:])[-−]?\d[\d.,]*(?:e[+-]?\d+)?", "#", error)


def runs_of(candidate: Candidate, replicates: Sequence[Replicate], observations: int) -> Runs:
    """The confirmation's simulations where there are any, else the search's."""
    number = candidate.search.number
    rows_of_trial = [r for r in replicates if r.number == number and is_whole(r.aligned, observations)]
    fresh = [r.aligned for r in completed(rows_of_trial, "confirm")]
    if fresh and candidate.confirmed_loss is not None:
        rows, phase, whose = fresh, "confirm", f"the {counted(len(fresh), 'confirmation run')} of trial {number}"
    else:
        rows, phase = [r.aligned for r in completed(rows_of_trial, "search")], "search"
        whose = f"the {counted(len(rows), 'run')} of trial {number} (not confirmed)"
    if any(holds_increments(row, observations) for row in rows):
        whose += " (paths that a particle filter drew, given all the data)"
    values = stack([simulated_part(row, observations) for row in rows]) if rows else np.empty((0, observations))
    return Runs(candidate=candidate, values=values, whose=whose, phase=phase)
