"""The run's decisions as pure functions."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from modelops_runtime.inference.ranking import ran_whole, ranked_by_loss
from modelops_runtime.ledger.base import Trial
from modelops_runtime.runner.search import SearchStatus
from modelops_runtime.runner.setup.settings import StopRules

JUDGED_FROM = 10
"""The number of finished trials from which the share of failed ones can stop a run."""

SHORT_S = 0.5
"""Simulations longer than this are not queued ahead: a better-informed proposal is worth the idle time of one ask."""


def too_many_failed(status: SearchStatus, max_failed: float, replicates: int = 1) -> str | None:
    """Why the run must stop, or None. The text includes the most common error."""
    if status.finished < JUDGED_FROM or status.failed <= max_failed * status.finished:
        return None
    return failed_text(status, f"max_failed is {max_failed:g}", replicates)


def failed_text(status: SearchStatus, limit: str, replicates: int = 1) -> str:
    """How many failed, the commonest error, and what share of failing simulations that means."""
    text = f"{status.failed} of {status.finished} trials failed ({limit}); the commonest {commonest(status)}"
    return f"{text}{_in_simulations(status.failed / max(status.finished, 1), replicates)}"


def _in_simulations(share: float, replicates: int) -> str:
    """A trial fails when any of its R replicates does: a share p of failing simulations fails 1 - (1 - p)^R of the trials."""
    if replicates < 2 or not 0 < share < 1:
        return ""
    each = 1 - (1 - share) ** (1 / replicates)
    return (
        f". A trial fails when one of its {replicates} replicates does, so a model that fails in {100 * each:.2g} % of its"
        f" simulations fails 1 - {1 - each:.2g}^{replicates} = {100 * share:.0f} % of its trials; for likelihoods"
        " `search: {replicate_failures: {tolerate: 0.2}}` counts failed replicates as a likelihood of 0"
    )


def commonest(status: SearchStatus) -> str:
    """The most common error and its count, or nothing."""
    if not status.errors:
        return ""
    text, count = max(status.errors.items(), key=lambda item: (item[1], item[0]))
    return f"({count} of them): {text}"


def reason_to_stop(status: SearchStatus, rules: StopRules, elapsed_s: float) -> str | None:
    """The stop rule that holds, in words, or None."""
    best = status.best.loss if status.best else None
    if rules.loss is not None and best is not None and best <= rules.loss:
        return f"loss {best:g} reached the wanted {rules.loss:g}"
    if rules.plateau is not None and status.best is not None and status.since_best >= rules.plateau:
        return f"no better trial among the last {status.since_best}"
    if rules.time_s is not None and elapsed_s >= rules.time_s:
        return f"the time limit of {rules.time_s:g} s was reached"
    return None


def default_top(trials: int) -> int:
    """How many of so many trials are confirmed unless the spec says so."""
    return min(max(trials // 20, 1), 10)


def finalists(trials: Sequence[Trial], top: int | None) -> list[int]:
    """Numbers of the `top` best search trials to confirm: COMPLETED, not stopped early, one for each parameter set.

    None: one in 20 trials, from 1 to 10. Measured in docs/search.md.
    """
    if top is None:
        top = default_top(len(trials))
    ranked = ranked_by_loss(t for t in trials if t.phase == "search" and ran_whole(t))
    chosen: dict[str | None, int] = {}
    for trial in ranked:
        if len(chosen) == top:
            break
        chosen.setdefault(trial.param_id, trial.number)
    return list(chosen.values())


KNOWN = 10
"""Results from which on the number of replicates of a further set follows from them."""

NEIGHBOURS = 3
"""Nearest known sets whose median loss is expected of a set."""

RESOLUTION = 2.0
"""Difference of two -log p that matters: about what a 95 % interval ends at (1.92)."""


def replicates_for(
    place: Sequence[float],
    known: Sequence[tuple[Sequence[float], float, float | None]],
    *,
    least: int,
    most: int,
    resolution: float,
) -> int:
    """How many replicates a proposed set gets: `most` near the best, fewer the further its loss is expected to lie above.

    `known`: place in the unit cube, loss and standard error (None: not known) of each set whose loss is known. The share of
    `most` is (noise / gap)^2, as in optimal computing budget allocation (Chen, Lin, Yucesan and Chick, Discrete Event Dynamic
    Systems 10, 2000, where the best set's rivals get runs in inverse proportion to their squared gap over their noise):
    gap is the median loss of the three nearest known sets above the lowest loss; noise is twice the median error of the best
    tenth, `resolution` at least. With fewer than ten known sets it is `least`.
    """
    if len(known) < KNOWN:
        return least
    nearest = sorted(known, key=lambda one: math.dist(place, one[0]))[:NEIGHBOURS]
    lowest = sorted(known, key=lambda one: one[1])
    gap = statistics.median(loss for _, loss, _ in nearest) - lowest[0][1]
    errors = [se for _, _, se in lowest[: max(5, len(known) // 10)] if se is not None]
    noise = max(2 * statistics.median(errors) if errors else 0.0, resolution)
    share = 1.0 if gap <= noise else (noise / gap) ** 2
    return min(max(round(share * most), least), most)


def tasks_wanted(slots: int, median_seconds: float | None) -> int:
    """How many tasks to keep under way: twice the slots while simulations are short, so that none waits for the loop."""
    slots = max(slots, 1)
    return slots if median_seconds is not None and median_seconds > SHORT_S else 2 * slots


class Pace:
    """The measured time of a simulation: the median of the last few."""

    def __init__(self, window: int = 64) -> None:
        self._window = window
        self._seconds: list[float] = []
        self.simulations = 0

    def add(self, seconds: Sequence[float]) -> None:
        self.simulations += len(seconds)
        self._seconds = (self._seconds + list(seconds))[-self._window :]

    @property
    def median_seconds(self) -> float | None:
        return statistics.median(self._seconds) if self._seconds else None
