"""The table of the finalists: the best sets of the search, run again on fresh seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelops_runtime.contracts.wording import fmt, plus_minus
from modelops_runtime.inference.ranking import Candidate, best_raw, candidates, finalists, without_support
from modelops_runtime.ledger.base import Trial
from modelops_runtime.results.report.answer import unknown_error


def finalists_say(trials: Sequence[Trial]) -> str:
    """What the confirmation changed."""
    start = "The lowest loss of a search is partly luck, so the best sets were run again on fresh seeds. "
    confirmed = [c for c in finalists(trials) if c.confirmed_loss is not None]
    if not confirmed:
        return f"{start}None has finished yet."
    if reason := without_support(candidates(trials)):
        return f"{start}Their order is not known: {reason}."
    lowest = best_raw(confirmed) or confirmed[0]
    now = plus_minus(lowest.confirmed_loss, lowest.confirmed_loss_se)
    best = confirmed[0].search.number
    text = f"Trial {lowest.search.number}, the best of the search with a loss of {fmt(lowest.search.loss)}, has {now} there"
    return start + text + (", and stays the best." if best == lowest.search.number else f"; trial {best} is better.")


def finalist_rows(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """The finalists, best first; without ranks where their order is not known."""
    rankless = bool(without_support(candidates(trials)))
    return [_finalist(found, None if rankless else rank) for rank, found in enumerate(finalists(trials), start=1)]


def _finalist(candidate: Candidate, rank: int | None) -> dict[str, Any]:
    confirm = candidate.confirm
    status = str(confirm.status).lower() if confirm is not None else ""
    known = rank is None or not unknown_error(candidate)
    return {
        "rank": "–" if rank is None else rank,
        "trial": candidate.search.number,
        "confirmed": plus_minus(candidate.confirmed_loss, candidate.confirmed_loss_se)
        + ("" if known else ", error unknown")
        if candidate.confirmed_loss is not None
        else status,
        "raw": fmt(candidate.search.loss),
        "replicates": confirm.replicates if confirm is not None else 0,
        "params": {name: fmt(value) for name, value in (candidate.search.params or {}).items()},
    }
