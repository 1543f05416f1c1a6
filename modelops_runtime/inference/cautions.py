"""Reasons to doubt the answer of a run, one sentence each: for the terminal, for programs and for the report."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelops_runtime.contracts.caution import Caution, CautionKind
from modelops_runtime.inference.confirmation import disagreement
from modelops_runtime.inference.fit_verdict import NO_FIT, Fit, fit_of
from modelops_runtime.inference.identifiability import intervals_say, not_identified
from modelops_runtime.inference.intervals import Intervals
from modelops_runtime.inference.loss_family import intervals_of, loss_family_of
from modelops_runtime.inference.misfit import misfits
from modelops_runtime.inference.predictive_checks import PredictiveChecks, predictive_checks
from modelops_runtime.inference.ranking import Candidate, without_support
from modelops_runtime.inference.run_data import RunData, runs_of
from modelops_runtime.inference.search_trials import search_trials
from modelops_runtime.inference.searched import searched_of
from modelops_runtime.inference.targets import targets_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Results that take a moment to compute and are used several times."""

    intervals: Intervals
    doubts: tuple[Caution, ...]
    """Reasons to doubt the answer as a whole: nothing fits, or the confirmation is far from the search."""
    checks: PredictiveChecks | None = None
    """How the observations lie in what the best set predicts; None without one."""
    fit: Fit = NO_FIT
    """Whether the model fits."""


def findings_of(run_data: RunData) -> Findings:
    doubts, checks = _doubts(run_data), predictive_checks(run_data)
    misfit = [caution.text for caution in doubts if caution.kind == CautionKind.MISFIT]
    return Findings(
        intervals=intervals_of(run_data.run, run_data.trials),
        doubts=tuple(doubts),
        checks=checks,
        fit=fit_of(checks, misfit),
    )


def _doubts(run_data: RunData) -> list[Caution]:
    best = next(iter(run_data.ranked), None)
    if best is None:
        return []
    targets = targets_of(run_data.run)
    width = max((target.stop for target in targets), default=0)
    runs = runs_of(best, run_data.replicates, width) if width else None
    at_best = [target.at(runs.nuisance) for target in targets] if runs else targets
    said = misfits(at_best, runs.values if runs else np.empty((0, 0)), best.search.number)
    found = [Caution(CautionKind.MISFIT, text) for text in said]
    far = disagreement(run_data.run, run_data.trials, run_data.replicates)
    return [*found, Caution(CautionKind.CONFIRMATION, far)] if far else found


def cautions_of(run_data: RunData, found: Findings | None = None) -> tuple[Caution, ...]:
    """All cautions; none for a run without a completed trial. `found` is the result of `findings_of`, if the caller has it."""
    best = next(iter(run_data.ranked), None)
    if best is None:
        return ()
    found = found or findings_of(run_data)
    searched = searched_of(run_data.run, run_data.trials)
    unknown = [_no_intervals(run_data, found.intervals)] if found.intervals.reason and searched else []
    told = not_identified(found.intervals, searched, best.search, search_trials(run_data.trials).full)
    return (*found.doubts, *_failed_replicates(best), *unknown, *told)


def _failed_replicates(best: Candidate) -> list[Caution]:
    """Of the best set, in the trial that its loss is of."""
    told = best.judged_by
    failed = told.diagnostics.get("failed_replicates")
    if not isinstance(failed, int) or not failed:
        return []
    text = (
        f"{failed:,} of the {told.replicates:,} replicates of trial {told.number} failed and count with a likelihood of 0, as "
        "search.replicate_failures allows."
    )
    return [Caution(CautionKind.FAILED_REPLICATES, text)]


def _no_intervals(run_data: RunData, found: Intervals) -> Caution:
    few = without_support(run_data.ranked) and not loss_family_of(run_data.run).reason
    return Caution(
        CautionKind.FEW_EFFECTIVE_REPLICATES if few else CautionKind.NO_INTERVALS,
        intervals_say(found),
    )
