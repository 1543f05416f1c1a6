"""Rebuilds a run's scored targets from its row, without data files or the model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from modelops_runtime.contracts.observations import Observations, TargetObservations
from modelops_runtime.evaluation.score import ScoredTarget, Scorer
from modelops_runtime.losses.loss import Observed, OptionProblem
from modelops_runtime.losses.registry import known_loss, term_of
from modelops_runtime.specs.losses import LossSpec
from modelops_runtime.specs.nuisance import kept_nuisance
from modelops_runtime.statistics.array import Array


@cache
def _losses() -> TypeAdapter[Any]:
    return TypeAdapter(LossSpec)


class NotStored(ValueError):
    """A target that cannot be rebuilt; the text says what is missing."""


def kept_numbers(option: str, part: TargetObservations, loss: Mapping[str, Any]) -> Array | None:
    """The loss's own number (`n`, `sigma`) of each observation [N]; None where the loss has none, or an older run did
    not keep the column.

    `loss` is that of `Run.spec`.
    """
    given = part.of_loss.get(option)
    if given is not None:
        return np.array(given, dtype=np.float64)
    constant = loss.get(option)
    if isinstance(constant, int | float):
        return np.full(len(part), float(constant))
    return None


def loss_of(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The `loss` of a target in `Run.spec`; empty if it is not stored."""
    given = spec.get("loss")
    return given if isinstance(given, Mapping) else {}


def is_of_filter(spec: Mapping[str, Any]) -> bool:
    """Whether the replicates of a run with this `Run.spec` are runs of a particle filter."""
    return bool((spec.get("search") or {}).get("likelihood"))


def stored_scorer(observations: Observations, spec: Mapping[str, Any]) -> Scorer:
    """The scorer of a run, from `Run.observations` and `Run.spec`. Raises NotStored."""
    given = spec.get("targets") or {}
    targets = [stored_target(name, part, given.get(name) or {}) for name, part in observations.targets.items()]
    if not targets:
        raise NotStored("the run was recorded without observations")
    try:
        return Scorer(tuple(targets), of_filter=is_of_filter(spec), nuisance=kept_nuisance(spec))
    except ValueError as error:
        raise NotStored(str(error)) from error


def stored_target(name: str, part: TargetObservations, spec: Mapping[str, Any]) -> ScoredTarget:
    """The target `name` with its loss, from its observations and its part of `Run.spec["targets"]`.

    Raises NotStored for a custom function, a loss that is not installed here, and values that an older run did not store.
    """
    kind, loss = part.loss, dict(loss_of(spec))
    known = known_loss(kind)
    if known is None or known.of == "all":
        raise NotStored(f"nothing is known of the noise that {kind} assumes")
    if part.is_censored:
        raise NotStored(f"{kind} knows no observations that are intervals")
    columns: dict[str, Array] = {}
    option = known.per_observation
    if isinstance(loss.get(option), str):
        numbers = kept_numbers(option, part, loss)
        if numbers is None:
            raise NotStored(f"the run was recorded without the {option} of {kind}")
        columns[option], loss[option] = numbers, option
    try:
        read = _losses().validate_python({**loss, "kind": kind})
        term = term_of(read, Observed(np.array(part.numbers, dtype=np.float64), columns))
    except (ValidationError, OptionProblem) as error:
        raise NotStored(f"the run was recorded without the options of {kind}") from error
    return ScoredTarget(name=name, start=part.start, stop=part.stop, weight=part.weight, term=term)
