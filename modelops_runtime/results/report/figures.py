"""All figures of a run, in the order of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from modelops_runtime.inference.intervals import Intervals
from modelops_runtime.inference.run_data import BEST_SETS, RunData, runs_of
from modelops_runtime.inference.targets import targets_of
from modelops_runtime.results.report.convergence import convergence
from modelops_runtime.results.report.figure import Figure
from modelops_runtime.results.report.fit import fit_figures
from modelops_runtime.results.report.near_best import others_figures
from modelops_runtime.results.report.pairs import pair_figure
from modelops_runtime.results.report.parameters import parameter_figure
from modelops_runtime.results.report.time import time_figures


def figures_of(evidence: RunData, found: Intervals) -> Mapping[str, Sequence[Figure]]:
    """By part of the page: `fit`, `parameters`, `search`, `time`; a part may be empty."""
    run, trials = evidence.run, evidence.trials
    best = next((candidate.search for candidate in evidence.ranked), None)
    by_loss, by_pair = parameter_figure(run, trials, best), pair_figure(run, trials, best, found)
    how = convergence(trials, run.trials)
    return {
        "fit": _fits(evidence),
        "parameters": [figure for figure in (by_loss, by_pair) if figure],
        "search": [how] if how else [],
        "time": time_figures(trials),
    }


def _fits(evidence: RunData) -> list[Figure]:
    targets = targets_of(evidence.run)
    observations = max((target.stop for target in targets), default=0)
    sets = [runs_of(candidate, evidence.replicates, observations) for candidate in evidence.ranked[:BEST_SETS]]
    if not sets:
        return fit_figures(targets, np.empty((0, observations)), "")
    seed = sets[0].candidate.search.number
    return [*fit_figures(targets, sets[0].values, sets[0].whose, seed), *others_figures(targets, sets[1:], sets[0])]
