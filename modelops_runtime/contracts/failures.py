"""How a simulation can fail, as values that travel and as exceptions that name their kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

LOG_LIMIT = 8_192
"""Bytes of a simulation's output (its end) that are kept."""

MESSAGE_LIMIT = 4_096
"""Characters of a failure's message (its beginning) that are kept."""


class FailureKind(StrEnum):
    """LOST is the infrastructure's fault and retried free; the others are the model's."""

    MODEL_ERROR = "MODEL_ERROR"
    TIMEOUT = "TIMEOUT"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    BAD_OUTPUT = "BAD_OUTPUT"
    LOST = "LOST"


@dataclass(frozen=True, slots=True)
class Complaint:
    """What of a model contradicts the spec; `str()` is the line for users."""

    wrong: str
    path: str = ""
    """The key of the spec that it contradicts, if any: `targets.in_bed.output`."""
    right: str = ""
    """What would be right, if that is known."""

    def __str__(self) -> str:
        return f"{self.wrong}; {self.right}" if self.right else self.wrong


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a simulation gave no result."""

    kind: FailureKind
    message: str
    """One line for people: `ZeroDivisionError: division by zero (model.py:12)`."""
    complaints: tuple[Complaint, ...] = ()
    """Of BAD_OUTPUT, and of a model that cannot be loaded: what contradicts the spec; `message` is the first."""
    changed_file: tuple[str, str] | None = None
    """(name, folder) of a recorded file that the process did not find as it was: what ModelChanged is made of."""

    def __post_init__(self) -> None:
        if len(self.message) > MESSAGE_LIMIT:
            object.__setattr__(self, "message", f"{self.message[: MESSAGE_LIMIT - 1]}…")

    @property
    def path(self) -> str:
        """The key of the spec that the model contradicts, if any: `targets.in_bed.output`."""
        return self.complaints[0].path if self.complaints else ""


class SimulationError(Exception):
    """A simulation that failed, raised where a result was asked for: `SimulationError(failure)`."""

    @property
    def failure(self) -> Failure:
        return self.args[0]

    def __str__(self) -> str:
        return f"{self.failure.kind}: {self.failure.message}"


class BadOutput(Exception):
    """A model's output is not what was asked for: `BadOutput("no table 'x'", "targets.in_bed.output", "there is: y")`.

    A fourth argument holds further complaints about the same output.
    """

    def __init__(self, wrong: str, path: str = "", right: str = "", further: Sequence[Complaint] = ()) -> None:
        super().__init__(wrong, path, right, tuple(further))

    @classmethod
    def of(cls, complaints: Sequence[Complaint]) -> BadOutput:
        """All of one or more complaints in one error; the first is its text."""
        first, *further = complaints
        return cls(first.wrong, first.path, first.right, further)

    @property
    def complaints(self) -> tuple[Complaint, ...]:
        wrong, path, right, further = self.args
        return (Complaint(wrong, path, right), *further)

    @property
    def path(self) -> str:
        """The key of the spec that the output contradicts, if any."""
        return self.complaints[0].path

    def __str__(self) -> str:
        return str(self.complaints[0])
