"""Which trials are best: by confirmed loss where there is one. Pure functions of ledger rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from modelops_runtime.contracts.answer import by_loss
from modelops_runtime.contracts.trial import TrialStatus
from modelops_runtime.ledger.base import Trial
from modelops_runtime.statistics.effective_sample_size import is_too_small, rests_on, what_to_do


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A search trial that completed with all its replicates, and its confirmation if it has one."""

    search: Trial
    confirm: Trial | None

    @property
    def confirmed_loss(self) -> float | None:
        """The loss over fresh seeds, once it is known."""
        done = self.confirm is not None and self.confirm.status is TrialStatus.COMPLETED
        return self.confirm.loss if done and self.confirm is not None else None

    @property
    def confirmed_loss_se(self) -> float | None:
        return self.confirm.loss_se if self.confirm is not None and self.confirmed_loss is not None else None

    @property
    def judged_by(self) -> Trial:
        """The trial whose loss is told of the set: its confirmation, once that has completed."""
        return self.confirm if self.confirm is not None and self.confirmed_loss is not None else self.search

    @property
    def nuisance(self) -> Mapping[str, float]:
        """The nuisance parameters, as its confirmed loss has found them, or that of the search."""
        return self.judged_by.nuisance


def ran_whole(trial: Trial) -> bool:
    """Whether it completed with all its replicates: the loss of one that was stopped early is an estimate."""
    return trial.status is TrialStatus.COMPLETED and not trial.stopped_early


def ranked_by_loss(trials: Iterable[Trial]) -> list[Trial]:
    """Trials by their own loss, lowest first."""
    return sorted(trials, key=lambda trial: by_loss(trial.loss, trial.number))


def candidates(trials: Sequence[Trial]) -> list[Candidate]:
    """All sets that may be the answer, best first: confirmed ones by confirmed loss, then the others by that of the search."""
    confirms = {trial.number: trial for trial in trials if trial.phase == "confirm"}
    found = [
        Candidate(search=trial, confirm=confirms.get(trial.number))
        for trial in trials
        if trial.phase == "search" and ran_whole(trial)
    ]
    return sorted(found, key=_rank)


def _rank(candidate: Candidate) -> tuple[bool, float, int]:
    confirmed, raw = candidate.confirmed_loss, candidate.search.loss
    return (confirmed is None, *by_loss(raw if confirmed is None else confirmed, candidate.search.number))


def best_raw(among: Iterable[Candidate]) -> Candidate | None:
    """The lowest loss of the search itself (biased low: the winner's curse)."""
    found = [candidate for candidate in among if candidate.search.loss is not None]
    return min(found, key=lambda c: by_loss(c.search.loss, c.search.number), default=None)


def finalists(trials: Sequence[Trial]) -> list[Candidate]:
    """The candidates that were chosen for confirmation, best first; those whose confirmation has not finished come last."""
    return [candidate for candidate in candidates(trials) if candidate.confirm is not None]


def finalists_or_best(trials: Sequence[Trial]) -> list[Candidate]:
    """The finalists, or the best set while there are none."""
    return finalists(trials) or candidates(trials)[:1]


def without_support(ranked: Sequence[Candidate]) -> str:
    """Why the confirmed losses do not support intervals or an order of the finalists; empty if they do.

    `ranked` is the result of `candidates`. The effective sample size of the confirmed best set decides.
    """
    found = _too_small(ranked)
    return f"the best set's confirmed loss {rests_on(*found)}" if found else ""


def for_support(ranked: Sequence[Candidate]) -> str:
    """A sentence on what helps in that case; empty if nothing is needed."""
    advice = what_to_do(*found) if (found := _too_small(ranked)) else ""
    return f"{advice[:1].upper()}{advice[1:]}." if advice else ""


def _too_small(ranked: Sequence[Candidate]) -> tuple[float, int] | None:
    """The effective sample size and the replicates of the confirmed best set, if the size is too small."""
    confirm = ranked[0].confirm if ranked and ranked[0].confirmed_loss is not None else None
    effective = confirm.effective_sample_size if confirm is not None else None
    if confirm is None or effective is None or not is_too_small(effective):
        return None
    return effective, confirm.replicates


def best_tenth(full: Sequence[Trial]) -> list[Trial]:
    """The best tenth, five at least, of trials that ran all their replicates."""
    ranked = ranked_by_loss(full)
    return ranked[: max(5, len(ranked) // 10)]
