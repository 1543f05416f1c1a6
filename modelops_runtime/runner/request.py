"""The request for a run, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelops_runtime.ledger.base import RunState
from modelops_runtime.simulation.dask.scheduler_address import SchedulerAddress
from modelops_runtime.specs.loading import LoadedSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """One `mops run`."""

    loaded: LoadedSpec
    ledger_url: str
    run_id: str
    ledger_patience_s: float = 0.0
    """How long to wait for a ledger's server that does not answer yet."""
    trials: int | None = None
    """The budget; None: the spec's."""
    slots: int = 1
    """Simulations side by side on this machine."""
    dask: SchedulerAddress | None = None
    fresh: bool = False
    """Rename an older run of this name to a dated name, and start a new one."""
    large: bool = False
    """Accept aligned values above 64 KB a replicate."""
    logs: Path | None = None
    """Folder for what the simulations print; None: kept in the ledger alone."""
    outputs: Path | None = None
    """Folder for the output tables that the spec's `outputs.keep` asks for; None: they are not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """How it ended."""

    run_id: str
    state: RunState
    interrupted: bool
    trials_made: int
    """Search trials that this call finished."""
    already_finished: bool
    simulations: int
    """Run by this worker, with those of the confirmation."""
    elapsed_s: float
    summary: Mapping[str, Any] = field(default_factory=dict)
    """The answer, as the ledger keeps it (`Run.summary`); empty when there is none yet."""
