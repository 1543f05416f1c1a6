"""What is to be said against a run's answer, one plain sentence each: for the terminal, for programs, and for the page."""

from __future__ import annotations

import numpy as np

from modelops_runtime.results.confirmation import disagreement
from modelops_runtime.results.convergence import history_of
from modelops_runtime.results.evidence import Evidence, runs_of
from modelops_runtime.results.identified import intervals_say, not_identified
from modelops_runtime.results.intervals import Intervals
from modelops_runtime.results.measure import intervals_of
from modelops_runtime.results.misfit import misfits
from modelops_runtime.results.searched import searched_of
from modelops_runtime.results.targets import targets_of


def doubts(evidence: Evidence) -> list[str]:
    """Of the answer as a whole: nothing fits, or the confirmation is far from the search."""
    best = next(iter(evidence.ranked), None)
    if best is None:
        return []
    targets = targets_of(evidence.run)
    width = max((target.stop for target in targets), default=0)
    values = runs_of(best, evidence.replicates, width).values if width else np.empty((0, 0))
    said = misfits(targets, values, best.search.number)
    far = disagreement(evidence.run, evidence.trials, evidence.replicates)
    return [*said, far] if far else said


def cautions_of(evidence: Evidence, found: Intervals | None = None) -> tuple[str, ...]:
    """All of them; none of a run without a completed trial. `found` are its intervals, where the caller has them."""
    best = next(iter(evidence.ranked), None)
    if best is None:
        return ()
    found = found or intervals_of(evidence.run, evidence.trials)
    searched = searched_of(evidence.run, evidence.trials)
    unknown = [intervals_say(found)] if found.reason and searched else []
    told = not_identified(found, searched, best.search, history_of(evidence.trials).full)
    return (*doubts(evidence), *unknown, *told)
