"""Where a model is, and what is known of it: plain data, the same in every process."""

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
    """What a spec says of its model: either an entry point or a command."""

    entrypoint: str | None = None
    """`model.py:fn`, `pkg.mod:fn`, `pkg.mod.Class/scenario`."""
    command: tuple[str, ...] | None = None
    """Arguments, with `{params}`, `{outputs}` and `{seed}` in them."""
    root: str
    """The model's folder: files are named from here, and Python looks here first."""
    config: dict[str, Any] = field(default_factory=dict, hash=False)
    seed_bits: int = 64
    """The lowest bits of a seed that the model is given."""
    env: dict[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if (self.entrypoint is None) == (not self.command):
            raise ValueError("a model has an entrypoint or a command, and not both")
        if not 1 <= self.seed_bits <= 64:
            raise ValueError(f"seed_bits is {self.seed_bits}; it is 1 to 64")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDescription:
    """What a model says of itself."""

    bounds: Mapping[str, Parameter] = field(default_factory=dict, hash=False)
    """Parameters that the model gives bounds for; empty for most."""
    outputs: tuple[str, ...] | None = None
    """Names of its output tables; None when only a run can tell."""
    has_derived: bool = False
    """Whether it derives further quantities from parameters (R0, a doubling time)."""
