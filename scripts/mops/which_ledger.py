"""Which ledger a command means: `--ledger`, else MODELOPS_LEDGER, else `.modelops/ledger.sqlite`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from modelops_runtime.contracts.errors import UserError
from modelops_runtime.ledger.base import Ledger, Run

DEFAULT = Path(".modelops") / "ledger.sqlite"

_HELP = "postgresql://... or a file; else MODELOPS_LEDGER; else .modelops/ledger.sqlite beside the spec, or the nearest upwards."


def ledger_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--ledger", "ledger_url", metavar="URL", help=_HELP)(function)


def open_for_reading(ledger_url: str | None) -> Ledger:
    """The ledger of a command that takes a run: it must be there already."""
    from modelops_runtime.ledger.opening import open_ledger

    url = ledger_url or os.environ.get("MODELOPS_LEDGER")
    if url is None:
        here = Path.cwd()
        found = next((folder / DEFAULT for folder in (here, *here.parents) if (folder / DEFAULT).is_file()), None)
        if found is None:
            raise UserError(f"no {DEFAULT} in {here} or above it; give --ledger, or go to the folder of the spec")
        url = str(found)
    return open_ledger(url, create=False)


def run_called(ledger: Ledger, run_id: str) -> Run:
    """The run of that name, or one line with the names that there are."""
    run = ledger.get_run(run_id)
    if run is None:
        known = ", ".join(run.run_id for run in ledger.list_runs()[:10]) or "none"
        raise UserError(f"no run {run_id!r} in this ledger; there is: {known}")
    return run
