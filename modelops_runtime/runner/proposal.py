"""Proposals: the parameter set of a reserved trial, and its entry in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.contracts.parameters import Scalar
from modelops_runtime.ledger.base import Lease, Ledger, Trial
from modelops_runtime.runner import rules
from modelops_runtime.runner.loop_context import LoopContext


def given_set(context: LoopContext, lease: Lease) -> Mapping[str, Scalar]:
    """The set of a trial for which the algorithm is not asked: a guess of the spec's, or one from the queue."""
    if lease.number < len(context.settings.guesses):
        return context.settings.guesses[lease.number]
    searched = context.ledger.queued_set(lease)
    if searched is None:
        raise LedgerError(f"trial {lease.number} of run {context.run_id!r} takes a queued set, and there is none")
    return searched


def proposal_of(context: LoopContext, lease: Lease, searched: Mapping[str, Scalar]) -> Lease:
    """A reserved trial with its parameter set, the last known change of the ledger, and the incumbent."""
    best = context.search.status.best
    return replace(
        lease,
        params={**context.settings.fixed, **searched},
        known=context.search.seq,
        incumbent=best.number if best else None,
        algorithm_state=context.search.state_of(lease.number),
        wanted=_replicates(context, searched),
    )


def _replicates(context: LoopContext, searched: Mapping[str, Scalar]) -> int | None:
    """How many replicates the set gets, by what is known now; None where all sets get the same number."""
    settings = context.settings
    if settings.least_replicates is None:
        return None
    return rules.replicates_for(
        settings.place_of(searched),
        context.search.told,
        least=settings.least_replicates,
        most=settings.replicates,
        resolution=rules.RESOLUTION if context.scorer.is_likelihood else 0.0,
    )


def propose(ledger: Ledger, lease: Lease) -> Trial:
    """Write down the proposal that `lease` holds. Raises LeaseLost."""
    assert lease.params is not None
    return ledger.propose(
        lease,
        lease.params,
        origin="guess" if lease.draw is None else "ask",
        known=lease.known,
        incumbent=lease.incumbent,
        algorithm_state=lease.algorithm_state,
        wanted=lease.wanted,
    )
