"""What a search algorithm is: a pure Ask/Tell object, made durable by the runner and the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from modelops_runtime.contracts.parameters import UniqueParameterSet
from modelops_runtime.contracts.space import ParameterSpace
from modelops_runtime.contracts.trial import TrialResult


@runtime_checkable
class AdaptiveAlgorithm(Protocol):
    """A search over a ParameterSpace for the lowest loss.

    It is used from one thread and keeps no clock. Its randomness depends only on the seed and the number of asks
    (or from `at_trial`, below), so a new instance that is asked and told the same continues identically.
    """

    def ask(self, n: int) -> list[UniqueParameterSet]:
        """Up to n parameter sets (fewer or none is allowed) over exactly the names of the space."""
        ...

    def tell(self, results: Sequence[TrialResult]) -> None:
        """Results, in the order they became known, of sets it was asked for and of others (guesses, other workers' asks).

        `result.diagnostics` holds at least `trial` (its number) and `params` (its searched parameters), so a set that
        this object never proposed can be learned from too, and a set asked twice is two trials.
        """
        ...

    def finished(self) -> bool:
        """True when no further set will be proposed (the end of a design)."""
        ...


@runtime_checkable
class DrawsByNumber(Protocol):
    """An algorithm whose randomness is drawn per trial, so that workers sharing a search draw different points."""

    def at_trial(self, number: int, draw: int) -> None:
        """The next `ask(1)` is for trial `number`, the `draw`-th (from 0) that is asked for: guesses are not counted."""
        ...


@runtime_checkable
class SeesPending(Protocol):
    """An algorithm that is told which trials are under way, so that it does not propose them twice."""

    def pending(self, sets: Sequence[tuple[int, UniqueParameterSet]]) -> None:
        """All trials under way as (trial number, set); replaces the previous call's."""
        ...


@runtime_checkable
class RemembersTrials(Protocol):
    """An algorithm that keeps state per trial beyond parameters and loss."""

    def state_of(self, number: int) -> Mapping[str, object] | None:
        """What to keep for trial `number` (JSON), or None. Read after `ask` and again after `tell`."""
        ...

    def restore(self, number: int, state: Mapping[str, object]) -> None:
        """Restore the state of a trial, before the trial is reported as pending or its result is told.

        Raises ValueError, KeyError or TypeError for a state that it did not write.
        """
        ...


@runtime_checkable
class UsesPriors(Protocol):
    """An algorithm whose proposals may depend on the priors of the space: then these are part of the run's identity."""

    @property
    def uses_priors(self) -> bool: ...


class OptionError(ValueError):
    """A factory rejects one option: `OptionError(name, wrong, right)`; `unknown` when there is no such option."""

    unknown = False

    def __str__(self) -> str:
        _, wrong, right = self.args
        return f"{wrong}; {right}"


class UnknownOption(OptionError):
    unknown = True


class AlgorithmFactory(Protocol):
    """What an entry point of the group `modelops.algorithms` names."""

    def __call__(self, space: ParameterSpace, seed: int, options: Mapping[str, object]) -> AdaptiveAlgorithm:
        """Raises ValueError with a line for the user if an option is unknown or wrong."""
        ...
