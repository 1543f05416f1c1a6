"""How a simulation can fail, as values that travel and as exceptions that name their kind."""

from __future__ import annotations

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
class Failure:
    """Why a simulation gave no result."""

    kind: FailureKind
    message: str
    """One line for people: `ZeroDivisionError: division by zero (model.py:12)`."""
    path: str = ""
    """The key of the spec that contradicts the model, if any: `targets.in_bed.output`."""
    further: tuple[tuple[str, str], ...] = ()
    """Other such keys of the same spec: (message, path) of each."""
    changed_file: tuple[str, str] | None = None
    """(name, folder) of a recorded file that the process did not find as it was: what ModelChanged is made of."""

    def __post_init__(self) -> None:
        if len(self.message) > MESSAGE_LIMIT:
            object.__setattr__(self, "message", f"{self.message[: MESSAGE_LIMIT - 1]}…")


class SimulationError(Exception):
    """A simulation that failed, raised where a result was asked for: `SimulationError(failure)`."""

    @property
    def failure(self) -> Failure:
        return self.args[0]

    def __str__(self) -> str:
        return f"{self.failure.kind}: {self.failure.message}"


class BadOutput(Exception):
    """A model's output is not what was asked for: `BadOutput("no table 'x'; there is: y", "targets.in_bed.output")`.

    A third argument holds further complaints of the same kind: (message, path) of each.
    """

    def __str__(self) -> str:
        return self.args[0]

    @property
    def path(self) -> str:
        return self.args[1] if len(self.args) > 1 else ""

    @property
    def further(self) -> tuple[tuple[str, str], ...]:
        return self.args[2] if len(self.args) > 2 else ()
