"""Keeps an algorithm in step with the ledger: results, asks, and the best so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from modelops_runtime.contracts.algorithm import AdaptiveAlgorithm, DrawsByNumber, RemembersTrials, SeesPending
from modelops_runtime.contracts.errors import AlgorithmError
from modelops_runtime.contracts.parameters import Scalar, UniqueParameterSet
from modelops_runtime.contracts.trial import TrialResult, TrialStatus
from modelops_runtime.inference.ranking import ran_whole
from modelops_runtime.ledger.base import Trial, damaged
from modelops_runtime.runner.setup.settings import SearchSettings


@dataclass
class SearchStatus:
    """The state of a search after the trials told so far."""

    finished: int = 0
    failed: int = 0
    stopped_early: int = 0
    best: Trial | None = None
    """Lowest loss of the COMPLETED trials that were not stopped early; the earlier one of two equals."""
    since_best: int = 0
    """Finished trials after the best."""
    worst: float | None = None
    errors: dict[str, int] = field(default_factory=dict)

    def add(self, trial: Trial) -> None:
        self.finished += 1
        self.since_best += 1
        if trial.status is not TrialStatus.COMPLETED:
            self.failed += 1
            text = f"{trial.failure}: {trial.error}"
            self.errors[text] = self.errors.get(text, 0) + 1
            return
        assert trial.loss is not None
        self.worst = trial.loss if self.worst is None else max(self.worst, trial.loss)
        if trial.stopped_early:
            self.stopped_early += 1
        elif self.best is None or self.best.loss is None or trial.loss < self.best.loss:
            self.best = trial
            self.since_best = 0


class Search:
    """An algorithm and what it was told. It learns only from ledger rows, so a live and a replayed one agree."""

    def __init__(self, algorithm: AdaptiveAlgorithm, settings: SearchSettings) -> None:
        self.algorithm = algorithm
        self.settings = settings
        self.status = SearchStatus()
        self.seq = 0
        self.pending: dict[int, UniqueParameterSet] = {}
        self.first_with: dict[str, int] = {}
        """param_id -> the first trial that finished with all its replicates."""
        self.told: list[tuple[tuple[float, ...], float, float | None]] = []
        """Place in the unit cube, loss and standard error of the completed trials that the algorithm has been told of.

        Kept where the number of replicates of further trials follows from them.
        """
        self._draws_made = 0
        self._held_back: dict[int, Trial] = {}
        self._next_in_order = 0
        # What the algorithm can do is asked once: a Protocol is looked through by each isinstance.
        self._remembers = algorithm if isinstance(algorithm, RemembersTrials) else None
        self._sees_pending = algorithm if isinstance(algorithm, SeesPending) else None
        self._draws_by_number = algorithm if isinstance(algorithm, DrawsByNumber) else None
        self._searched = tuple(parameter.name for parameter in settings.space.parameters)

    @property
    def unfinished(self) -> set[int]:
        """Proposed and unfinished trials of all workers."""
        return set(self.pending) - set(self._held_back)

    def learn(self, changes: Sequence[Trial]) -> list[Trial]:
        """Take in rows of `ledger.changes`; returns those that finished, in their order."""
        finished: list[Trial] = []
        events = [(seq, t) for t in changes for seq in (t.proposed_seq, t.finished_seq) if seq and seq > self.seq]
        for seq, trial in sorted(events, key=lambda event: event[0]):
            self.seq = seq
            if trial.phase == "confirm":
                if seq == trial.finished_seq:
                    finished.append(trial)
            elif seq == trial.proposed_seq:
                self._proposed(trial)
            else:
                finished.append(trial)
                self._finished(trial)
        return finished

    def _proposed(self, trial: Trial) -> None:
        self.pending[trial.number] = UniqueParameterSet.of(trial.values_of(self._searched))
        if trial.draw is not None:
            self.may_ask(trial.number)  # with `lag: N`, it was asked when just these results were told
            self._catch_up(trial.draw + 1)
        if self._remembers is not None and trial.algorithm_state is not None:
            try:
                self._remembers.restore(trial.number, trial.algorithm_state)
            except (KeyError, TypeError, ValueError) as error:
                raise damaged(trial, f"column algorithm_state cannot be read ({error})") from error

    def _finished(self, trial: Trial) -> None:
        if ran_whole(trial) and trial.param_id is not None:
            self.first_with.setdefault(trial.param_id, trial.number)
        if self.settings.lag == 0:
            self._tell(trial)
        else:
            self._held_back[trial.number] = trial

    def _tell(self, trial: Trial) -> None:
        set_ = self.pending.pop(trial.number)
        loss = trial.loss
        if trial.status is not TrialStatus.COMPLETED:
            loss = self.status.worst if self.settings.on_failure == "worst" else None
        diagnostics = {
            "trial": trial.number,
            "params": dict(set_.params),
            "replicates": trial.replicates,
            "stopped_early": trial.stopped_early,
        }
        self.algorithm.tell([TrialResult(set_.param_id, loss, diagnostics, trial.status)])
        self.status.add(trial)
        if self.settings.least_replicates is not None and trial.status is TrialStatus.COMPLETED:
            place = self.settings.place_of(trial.values_of(self._searched))
            self.told.append((place, trial.loss or 0.0, trial.loss_se))

    @property
    def asks_by_number(self) -> bool:
        """Whether an ask for a trial that turns out to be somebody else's, or a queued set's, changes nothing."""
        return self._draws_by_number is not None and self._remembers is None

    def may_ask(self, number: int) -> bool:
        """Whether all results that proposal `number` depends on (`lag: N`) are there; they are told to the algorithm in order."""
        lag = self.settings.lag
        if lag == 0:
            return True
        if any(k not in self.pending for k in range(self._next_in_order, number)):
            return False  # a lower number may still be asked for, which depends on fewer results
        while self._next_in_order <= number - lag and self._next_in_order in self._held_back:
            self._tell(self._held_back.pop(self._next_in_order))
            self._next_in_order += 1
        return self._next_in_order > number - lag

    def tell_the_rest(self) -> None:
        """With `lag: N`, after the last proposal: tell the algorithm all trials that have finished."""
        for number in sorted(self._held_back):
            self._tell(self._held_back.pop(number))

    def ask(self, number: int, draw: int) -> dict[str, Scalar] | None:
        """Searched parameters for trial `number`, or None if the algorithm has none at present."""
        algorithm = self.algorithm
        self._catch_up(draw)
        if self._sees_pending is not None:
            self._sees_pending.pending(sorted(self.pending.items()))
        if self._draws_by_number is not None:
            self._draws_by_number.at_trial(number, draw)
        sets = algorithm.ask(1)
        if not sets:
            return None
        if len(sets) > 1:
            raise AlgorithmError(f"the algorithm was asked for 1 parameter set and gave {len(sets)}")
        self._draws_made = draw + 1
        if found := self.settings.space.problems_with(sets[0].params):
            raise AlgorithmError(f"the algorithm proposed {found[0][1]}")
        return dict(sets[0].params)

    def state_of(self, number: int) -> Mapping[str, object] | None:
        return self._remembers.state_of(number) if self._remembers is not None else None

    def _catch_up(self, draws: int) -> None:
        """Repeat the asks of other workers and discard the answers: some algorithms answer by the number of earlier asks."""
        if self._draws_by_number is not None:
            return
        while self._draws_made < draws and self.algorithm.ask(1):
            self._draws_made += 1
