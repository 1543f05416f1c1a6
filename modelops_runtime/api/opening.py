"""Load a spec and start a service for its model, without a run: for checks and for single simulations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from modelops_runtime.runner.request import RunRequest
from modelops_runtime.runner.setup.model_files import ModelCode, held_code
from modelops_runtime.runner.setup.preparation import Prepared, planned, prepare
from modelops_runtime.runner.setup.services import described, opened_service
from modelops_runtime.simulation.service import ReplicateService
from modelops_runtime.specs.loading import LoadedSpec, load_spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A correct spec, and a service that simulates its model."""

    loaded: LoadedSpec
    code: ModelCode
    prepared: Prepared
    service: ReplicateService


@contextmanager
def ready(spec: Path, *, slots: int = 1) -> Iterator[Ready]:
    """The spec at a path, with processes on this machine, which end with the block. Raises SpecErrors with all mistakes."""
    with ready_of(load_spec(spec), slots=slots) as made:
        yield made


@contextmanager
def ready_of(loaded: LoadedSpec, *, slots: int = 1) -> Iterator[Ready]:
    """As `ready`, for a loaded spec."""
    request = RunRequest(loaded=loaded, ledger_url="", run_id=loaded.spec.name, slots=slots)
    with held_code(loaded) as code:
        plan, about_targets = planned(loaded, code)
        with opened_service(request, code, plan, keep_tables=False) as service:
            description, about_model = described(loaded, service)
            prepared = prepare(loaded, code, description, plan, [*about_targets, *about_model])
            yield Ready(loaded=loaded, code=code, prepared=prepared, service=service)
