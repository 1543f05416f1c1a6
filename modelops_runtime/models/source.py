"""Where a model is, and its description, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelops_runtime.contracts.space import Parameter

ENTRYPOINT_PATH = "model.entrypoint"
COMMAND_PATH = "model.command"
CONFIG_PATH = "model.config"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSource:
    """The model of a spec: either an entry point or a command."""

    entrypoint: str | None = None
    """`model.py:fn`, `pkg.mod:fn`, `pkg.mod.Class/scenario`."""
    command: tuple[str, ...] | None = None
    """Arguments, with `{params}`, `{outputs}` and `{seed}` in them."""
    root: str
    """The folder of the model: paths are relative to it, and Python imports from it first."""
    config: dict[str, Any] = field(default_factory=dict, hash=False)
    seed_bits: int = 64
    """How many of the lowest bits of a seed the model gets."""
    env: dict[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if (self.entrypoint is None) == (not self.command):
            raise ValueError("a model has an entrypoint or a command, and not both")
        if not 1 <= self.seed_bits <= 64:
            raise ValueError(f"seed_bits is {self.seed_bits}; it is 1 to 64")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDescription:
    """A model's description."""

    bounds: Mapping[str, Parameter] = field(default_factory=dict, hash=False)
    """Parameters for which the model has bounds; empty for most models."""
    outputs: tuple[str, ...] | None = None
    """Names of its output tables; None if they are known only after a simulation."""
    has_derived: bool = False
    """Whether it derives further quantities from parameters (R0, a doubling time)."""
    is_restartable: bool = False
    """Whether it has `start` and `advance`, which a particle filter needs."""
