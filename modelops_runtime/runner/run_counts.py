"""The counts of a run, as its events show them."""

from __future__ import annotations

from collections.abc import Sequence

from modelops_runtime.runner.events import Counts
from modelops_runtime.runner.loop_context import LoopContext


def counts_of(
    context: LoopContext,
    *,
    found: int,
    simulations: int,
    elapsed_s: float,
    under_way: int,
    paused: bool,
    finalists: Sequence[int] | None,
    confirmed: int,
) -> Counts:
    """The current counts of a run: `found` trials were finished before this worker began, `under_way` tasks run now."""
    status, fixed = context.search.status, context.settings.fixed
    best = status.best.params or {} if status.best else None
    return Counts(
        finished=status.finished,
        found=found,
        trials=context.trials,
        failed=status.failed,
        stopped_early=status.stopped_early,
        best_loss=status.best.loss if status.best else None,
        best_trial=status.best.number if status.best else None,
        best_params=None if best is None else {n: v for n, v in best.items() if n not in fixed} | dict(fixed),
        simulations=simulations,
        elapsed_s=elapsed_s,
        slots=context.service.slots,
        busy=min(under_way, context.service.slots),
        paused=paused,
        confirming=finalists is not None,
        confirmed=confirmed,
        finalists=len(finalists or ()),
    )
