"""What a search algorithm is: a pure Ask/Tell object, made durable by the runner and the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from modelops_runtime.contracts.parameters import UniqueParameterSet
from modelops_runtime.contracts.space import ParameterSpace
from modelops_runtime.contracts.trial import TrialResult


@runtime_checkable
class AdaptiveAlgorithm(Protocol):
    """A search over a ParameterSpace, for the least loss.

    It is used from one thread and keeps no clock. Its randomness follows from the seed and from how often it was asked
    (or from `at_trial`, below), so a fresh one that is asked and told the same goes on as if never stopped.
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
        """True when no further set will ever be asked for (a design is used up)."""
        ...


@runtime_checkable
class DrawsByNumber(Protocol):
    """An algorithm whose randomness is drawn per trial, so that workers sharing a search never draw the same."""

    def at_trial(self, number: int, draw: int) -> None:
        """The next `ask(1)` is for trial `number`, the `draw`-th (from 0) that is asked for: guesses are not counted."""
        ...


@runtime_checkable
class SeesPending(Protocol):
    """An algorithm that wants to know what is under way and not yet told (so as not to propose it twice)."""

    def pending(self, sets: Sequence[tuple[int, UniqueParameterSet]]) -> None:
        """All that is under way just now, as (trial number, set): it replaces what was said before."""
        ...


@runtime_checkable
class RemembersTrials(Protocol):
    """An algorithm that must remember something per trial beyond its parameters and loss."""

    def state_of(self, number: int) -> Mapping[str, object] | None:
        """What to keep for trial `number` (JSON), or None. Read after `ask` and again after `tell`."""
        ...

    def restore(self, number: int, state: Mapping[str, object]) -> None:
        """Give back what was kept, before the trial is said to be pending or its result is told.

        Raises ValueError, KeyError or TypeError for what is no state of its own.
        """
        ...


class OptionError(ValueError):
    """A factory's complaint about one option: `OptionError(name, wrong, right)`; `unknown` when there is no such option."""

    unknown = False

    def __str__(self) -> str:
        _, wrong, right = self.args
        return f"{wrong}; {right}"


class UnknownOption(OptionError):
    unknown = True


class AlgorithmFactory(Protocol):
    """What an entry point of the group `modelops.algorithms` names."""

    def __call__(self, space: ParameterSpace, seed: int, options: Mapping[str, object]) -> AdaptiveAlgorithm:
        """Raises ValueError, with a line fit for the user, when an option is unknown or wrong."""
        ...
