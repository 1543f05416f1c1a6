"""The states and results of trials."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

DIAGNOSTICS_LIMIT = 65_536
"""Bytes of JSON that a trial's diagnostics may take."""


class TrialStatus(StrEnum):
    """`PENDING -> LEASED -> COMPLETED | FAILED | TIMEOUT`; the last three are final."""

    PENDING = "PENDING"
    LEASED = "LEASED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    TIMEOUT = "TIMEOUT"

    @property
    def is_final(self) -> bool:
        return self in (TrialStatus.COMPLETED, TrialStatus.FAILED, TrialStatus.TIMEOUT)


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The result that an algorithm is told. A COMPLETED loss is finite (lower is better).

    The loss of a FAILED or TIMEOUT trial is what the run imputes for it (the worst seen so far) or None: ignore it.
    """

    param_id: str
    loss: float | None
    diagnostics: Mapping[str, object] = field(default_factory=dict)
    status: TrialStatus = TrialStatus.COMPLETED

    def __post_init__(self) -> None:
        if not self.status.is_final:
            raise ValueError(f"a result's status is COMPLETED, FAILED or TIMEOUT, not {self.status}")
        if self.status is TrialStatus.COMPLETED and (self.loss is None or not math.isfinite(self.loss)):
            raise ValueError(f"a COMPLETED trial has a finite loss, not {self.loss}")


CONFIRM_FROM = 2**32
"""Index of the first replicate of a confirmation, so that it shares no noise with search replicates."""


def phase_of(index: int) -> Literal["search", "confirm"]:
    """Whether a replicate of this index belongs to a trial's search or to its confirmation."""
    return "confirm" if index >= CONFIRM_FROM else "search"


def bounded_diagnostics(diagnostics: Mapping[str, object]) -> dict[str, object]:
    """`diagnostics`, or as many of its entries (in order) as fit in DIAGNOSTICS_LIMIT bytes of JSON, with a note of the rest."""
    if _size(diagnostics) <= DIAGNOSTICS_LIMIT:
        return dict(diagnostics)
    kept: dict[str, object] = {}
    left_out: list[str] = []
    room = DIAGNOSTICS_LIMIT - 1_024
    for key, value in diagnostics.items():
        size = _size({key: value})
        if size <= room:
            kept[key] = value
            room -= size
        else:
            left_out.append(key)
    kept["cut"] = f"{len(left_out)} entries over {DIAGNOSTICS_LIMIT} bytes left out: {', '.join(left_out)[:512]}"
    return kept


def _size(diagnostics: Mapping[str, object]) -> int:
    return len(json.dumps(diagnostics, ensure_ascii=False).encode("utf-8"))
