"""A reason to doubt the answer of a run: its kind for programs, and a sentence for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CautionKind(StrEnum):
    """What a caution is about."""

    MISFIT = "misfit"
    """No set fits the data of a target."""
    CONFIRMATION = "confirmation"
    """The loss on fresh seeds is far from that of the search."""
    NO_INTERVALS = "no_intervals"
    """The trials give no intervals."""
    FEW_EFFECTIVE_REPLICATES = "few_effective_replicates"
    """The same, because the confirmed loss of the best set rests on too few replicates."""
    FAILED_REPLICATES = "failed_replicates"
    """Replicates of the best set failed, which the spec tolerates."""
    RIDGE = "ridge"
    """Parameters that the data do not tell apart."""
    NOT_IDENTIFIED = "not_identified"
    """A parameter of which the data say little."""
    BOUND = "bound"
    """A value at, or near, a bound of its range, or an interval that reaches it."""
    BOUNDS_UNKNOWN = "bounds_unknown"
    """The bounds of a parameter were not stored with the run."""


@dataclass(frozen=True, slots=True)
class Caution:
    """One reason to doubt an answer."""

    kind: str
    """A CautionKind; empty in a record of an older version."""
    text: str
    """A sentence."""
