"""The answer of a run, and the ranking of trials that selects it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from modelops_runtime.contracts.parameters import Scalar

ALWAYS = ("best_trial", "params", "loss")
"""What the stored answer of a completed run always holds; an older version may lack the rest."""


def by_loss(loss: float | None, number: int) -> tuple[float, int]:
    """The sort key of trials: lowest loss first, then the earlier trial; trials without a loss come last."""
    return (math.inf if loss is None else loss, number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The best parameter set of a run. Fields are None if the version that wrote it did not store them."""

    best_trial: int | None = None
    params: Mapping[str, Scalar] = field(default_factory=dict)
    """All parameters, in the order of the spec."""
    loss: float | None = None
    """Of the search."""
    loss_se: float | None = None
    effective_sample_size: float | None = None
    replicates: int | None = None
    confirmed_loss: float | None = None
    """Over fresh seeds; None where nothing was confirmed."""
    confirmed_loss_se: float | None = None
    confirmed_replicates: int | None = None
    confirmed_effective_sample_size: float | None = None
    loss_bias: float | None = None
    """By how much the loss is too high for its few replicates; None if not known: an effective sample size below 5."""
    confirmed_loss_bias: float | None = None
    derived: Mapping[str, float] = field(default_factory=dict)
    nuisance: Mapping[str, float] = field(default_factory=dict)
    """The nuisance parameters of the observation, as the confirmed loss has found them, or that of the search."""
    simulations: int | None = None
    elapsed_s: float | None = None
    stop_reason: str | None = None
    failed: int | None = None
    """Trials that failed."""
    commonest_error: str | None = None

    @property
    def is_confirmed(self) -> bool:
        return self.confirmed_loss is not None

    @property
    def effective_sample_size_of_loss(self) -> float | None:
        """The effective sample size behind the confirmed loss if there is one, else behind that of the search."""
        return self.confirmed_effective_sample_size if self.is_confirmed else self.effective_sample_size

    @property
    def replicates_of_loss(self) -> int:
        """The replicates of the confirmed loss if there is one, else of the search's; 0 if unknown."""
        return (self.confirmed_replicates if self.is_confirmed else self.replicates) or 0

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Answer:
        """From a run's row: absent keys are unknown, keys of a later version are ignored."""
        known = {each.name: stored[each.name] for each in fields(cls) if each.name in stored}
        for name in ("params", "derived", "nuisance"):
            if known.get(name) is None:
                known.pop(name, None)
        return cls(**known)

    def as_json(self) -> dict[str, Any]:
        """As stored in a run's row."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        return {**given, "params": dict(self.params), "derived": dict(self.derived), "nuisance": dict(self.nuisance)}
