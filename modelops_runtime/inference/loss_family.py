"""What kind of loss a run minimises, read back from its ledger row, and the intervals that follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from modelops_runtime.inference.intervals import Distance, Intervals, intervals
from modelops_runtime.inference.ranking import candidates, for_support, without_support
from modelops_runtime.inference.searched import searched_of
from modelops_runtime.ledger.base import Run, Trial
from modelops_runtime.losses.registry import known_loss

LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class LossFamily:
    """The loss of all targets together. With a `reason`, nothing is known of how it grows with the misfit."""

    is_likelihood: bool = False
    observations: int = 0
    distance: Distance = "squared"
    reason: str = ""


def loss_family_of(run: Run) -> LossFamily:
    """From `Run.observations`."""
    kinds, count = {part.loss for part in run.observations}, len(run.observations)
    if not kinds:
        return LossFamily(reason="the run was recorded without its observations")
    growths = {kind: _growth(kind) for kind in kinds}
    if unknown := sorted(kind for kind, growth in growths.items() if growth is None):
        return LossFamily(
            observations=count, reason=f"nothing is known of how the loss {unknown[0]} grows with the misfit"
        )
    grow = set(growths.values())
    if grow == {"likelihood"}:
        return LossFamily(is_likelihood=True, observations=count)
    if grow == {"absolute"}:
        return LossFamily(observations=count, distance="absolute")
    if "absolute" in grow:
        return LossFamily(
            observations=count, reason="squared and absolute distances are added up, so no one scale fits both"
        )
    return LossFamily(observations=count)


def _growth(kind: str) -> Distance | Literal["likelihood"] | None:
    """None where it is not known: for a function of the user's own, and a loss that is not installed here."""
    loss = known_loss(kind)
    if loss is None:
        return None
    return "likelihood" if loss.is_likelihood else loss.growth


def intervals_of(run: Run, trials: Sequence[Trial], *, level: float = LEVEL) -> Intervals:
    """The intervals of a run as it stands, around its best set so far."""
    ranked = candidates(trials)
    best = ranked[0].search if ranked else None
    family = loss_family_of(run)
    if reason := family.reason or without_support(ranked):
        nothing = intervals(searched_of(run, trials), (), None, is_likelihood=family.is_likelihood, level=level)
        unknown = tuple(replace(interval, reason=reason) for interval in nothing.parameters)
        return replace(nothing, reason=reason, advice="" if family.reason else for_support(ranked), parameters=unknown)
    return intervals(
        searched_of(run, trials),
        trials,
        best,
        is_likelihood=family.is_likelihood,
        level=level,
        observations=family.observations,
        distance=family.distance,
    )
