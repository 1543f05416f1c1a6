"""Does the loss of a set on fresh seeds agree with its loss in the search?

The lowest of n losses is partly luck: the largest of n errors is about sqrt(2 ln n) standard errors (Boucheron, Lugosi and
Massart, Concentration Inequalities, 2013, 2.5), so the loss of the search may be too low by that, and the lowest
confirmed loss of m finalists by sqrt(2 ln m). A larger difference is reported if it exceeds k sqrt(se_s^2 + se_c^2): k is 3, or
more if the errors come from few replicates (Student's t at 97.5 %, degrees of freedom by Welch, Biometrika 34, 1947). Losses over
unequal numbers of replicates are compared as they would be over equal numbers (`racing.corrected_loss`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from modelops_runtime.contracts.wording import fmt, plus_minus
from modelops_runtime.evaluation.fit import stack
from modelops_runtime.evaluation.racing import corrected_loss
from modelops_runtime.inference.effective_sizes import scorer_of
from modelops_runtime.inference.loss_family import loss_family_of
from modelops_runtime.inference.ranking import Candidate, candidates, finalists
from modelops_runtime.ledger.base import Replicate, Run, Trial, completed
from modelops_runtime.losses.loss import LossError

LEAST = 3.0
"""How many standard errors of the difference are always allowed."""

ROUNDING = 1e-9
"""Relative difference of two losses that may be rounding."""

ABSURD = 10.0
"""Factor between two losses without errors from which on the difference is reported."""

MEANS = (
    "the search's loss was luck, or the model does not repeat (noise that ignores the seed, or a state that outlives a"
    " simulation); see `mops check`"
)


def disagreement(run: Run, trials: Sequence[Trial], replicates: Sequence[Replicate]) -> str:
    """A sentence if the confirmed loss of a finalist is further from its loss in the search than both errors allow, else empty.

    The sentence is about the best set if it is one of them. `replicates` are those of the best sets; without them nothing is said
    about a set with a lower loss on fresh seeds, which is common for losses over few replicates.
    """
    confirmed = [candidate for candidate in finalists(trials) if candidate.confirmed_loss is not None]
    tried = len(candidates(trials)) + sum(trial.stopped_early for trial in trials)
    far = {one.search.number: said for one in confirmed if (said := _said(run, one, replicates, tried, len(confirmed)))}
    if not far:
        return ""
    best = confirmed[0].search.number
    if best not in far:
        return next(iter(far.values()))
    others = len(far) - 1
    return far[best] + (f" The same holds for {others} more of the {len(confirmed)} finalists." if others else "")


def _said(run: Run, one: Candidate, replicates: Sequence[Replicate], tried: int, finals: int) -> str:
    search, confirm = one.search, one.confirm
    if confirm is None or search.loss is None or confirm.loss is None:
        return ""
    start = (
        f"The confirmed loss of trial {search.number}, {plus_minus(confirm.loss, confirm.loss_se)},"
        f" is {{}} its loss in the search, {plus_minus(search.loss, search.loss_se)}"
    )
    errors = _errors(run, search, confirm)
    if errors is None:
        low, high = sorted((search.loss, confirm.loss))
        if loss_family_of(run).is_likelihood or low <= 0 or high < ABSURD * low:
            return ""
        times = f"{fmt(high / low)} times" if confirm.loss > search.loss else f"1 / {fmt(high / low)} of"
        return f"{start.format(times)}; neither has an error to tell whether that is chance: {MEANS}."
    expected = _expected(run, one, replicates)
    gap = confirm.loss - (search.loss if expected is None else expected)
    if gap < 0 and expected is None:
        return ""
    se_search, se_confirm = errors
    luck = se_search * _luck(tried) if gap > 0 else se_confirm * _luck(finals)
    told = [trial.replicates for trial in (search, confirm) if trial.loss_se is not None]
    allowed = _factor(se_search, told[0], se_confirm, told[-1]) * math.hypot(*errors) + luck
    rounding = ROUNDING * max(abs(search.loss), abs(confirm.loss), 1.0)
    if abs(gap) <= max(allowed, rounding):
        return ""
    return f"{start.format('further from')}, than both errors allow: {MEANS}."


def _errors(run: Run, search: Trial, confirm: Trial) -> tuple[float, float] | None:
    """Both standard errors; None if one of them is not known.

    The error of a distance falls as 1 / sqrt(R). The larger scatter of a single replicate that follows from the two is used for
    both, because a low loss over few replicates comes with a low error. It also gives the error of a single replicate.
    """
    given = [(trial.loss_se, trial.replicates) for trial in (search, confirm)]
    known = [(se, r) for se, r in given if se is not None and math.isfinite(se) and r > 0]
    if loss_family_of(run).is_likelihood:
        return (known[0][0], known[1][0]) if len(known) == 2 else None
    if not known or any((se is not None and not math.isfinite(se)) or (se is None and r != 1) for se, r in given):
        return None
    scatter = max(se * math.sqrt(r) for se, r in known)
    return scatter / math.sqrt(search.replicates), scatter / math.sqrt(confirm.replicates)


def _factor(first: float, r: int, second: float, s: int) -> float:
    """How many errors of the difference are allowed; the errors come from r and s replicates."""
    from scipy.special import stdtrit

    a, b = first**2, second**2
    parts = a**2 / max(r - 1, 1) + b**2 / max(s - 1, 1)
    return max(LEAST, float(stdtrit((a + b) ** 2 / parts, 0.975))) if parts > 0 else LEAST


def _luck(count: int) -> float:
    return math.sqrt(2 * math.log(max(count, 1)))


def _expected(run: Run, one: Candidate, replicates: Sequence[Replicate]) -> float | None:
    """The loss of the search as it would be over the replicates of the confirmation; None if it is not known.

    It is never known for a likelihood: the log of a mean of few replicates is too low by an amount that they do not show.
    """
    scorer, confirm = scorer_of(run), one.confirm
    rows = [each.aligned for each in completed(replicates, "search") if each.number == one.search.number]
    if scorer is None or scorer.is_likelihood or confirm is None or len(rows) != one.search.replicates:
        return None
    try:
        return corrected_loss(stack(rows), confirm.replicates, scorer)
    except (LossError, ValueError):
        return None
