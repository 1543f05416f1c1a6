"""How many of its replicates count in a likelihood, and what follows from that."""

from __future__ import annotations

import math

LEAST = 5.0
"""Effective sample size from which on a loss has a standard error: below it, the few replicates that count are not a sample."""

REACHABLE = 20
"""Largest multiple of the replicates that is recommended."""

TELLING = 20
"""Replicates from which on a size of 1 shows that further ones hardly help."""

REMEDIES = (
    "add observations up (weeks instead of days, fewer groups), assume more observation noise (a smaller dispersion, "
    "a larger sigma), give the targets a weight below 1, filter a model that can be restarted, with enough particles "
    "(search.likelihood), or take a loss that is no likelihood (mean_signal, log)"
)


def is_too_small(effective: float | None) -> bool:
    """Whether the error of a loss is unknown. None: the size is not known (an older run), or the loss is not a likelihood."""
    return effective is not None and effective < LEAST


def rests_on(effective: float, replicates: int) -> str:
    """`rests on 1.1 of its 100 replicates (effective sample size; an error needs 5)`."""
    if replicates == 1:
        return f"rests on a single replicate (an error needs {LEAST:g})"
    size = in_words(effective)
    return f"rests on {size} of its {replicates:,} replicates (effective sample size; an error needs {LEAST:g})"


def in_words(effective: float) -> str:
    """Rounded to one digit, so that a size that is too small does not read as enough: 4.97 is 4.9."""
    return f"{min(effective, LEAST - 0.1) if is_too_small(effective) else effective:.1f}"


def what_to_do(effective: float, replicates: int) -> str:
    """What makes the effective sample size of a confirmation's `replicates` large enough."""
    wanted = replicates_wanted(effective, replicates)
    if wanted <= REACHABLE * replicates:
        return f"confirm on about {wanted:,} replicates (search.confirm.replicates), or {REMEDIES}"
    if replicates < TELLING:
        return f"confirm on more replicates (search.confirm.replicates); where they do not help, {REMEDIES}"
    return f"more replicates hardly help: {REMEDIES}"


def why_no_error(effective: float | None, replicates: int) -> str:
    """Why a loss has no standard error; empty if it has one, or if the size is not known."""
    if effective is None or not is_too_small(effective):
        return ""
    return f"its error is unknown: the loss {rests_on(effective, replicates)}"


def replicates_wanted(effective: float, replicates: int) -> float:
    """About how many replicates have an effective sample size of LEAST: the part above 1 grows with their number.

    Rounded up to two digits; infinite if a single replicate counts. How well it predicts: docs/decisions/intervals.md.
    """
    if effective <= 1.0:
        return math.inf
    wanted = max(1 + (LEAST - 1) * max(replicates - 1, 1) / (effective - 1), replicates)
    if not math.isfinite(wanted) or wanted > 1e9:
        return math.inf
    step = 10 ** max(0, math.floor(math.log10(wanted)) - 1)
    return math.ceil(wanted / step) * step


def grown(effective: float, replicates: int, to: int) -> float:
    """About the effective sample size of `to` replicates, if `replicates` have `effective`: see `replicates_wanted`."""
    return 1.0 + (effective - 1.0) * (to - 1) / max(replicates - 1, 1)
