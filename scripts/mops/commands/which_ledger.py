"""Which ledger a command means: `--ledger`, else MODELOPS_LEDGER, else `.modelops/ledger.sqlite`."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from modelops_runtime.contracts.errors import UserError
from modelops_runtime.contracts.plain_text import plain_line
from modelops_runtime.ledger.base import Ledger, Run
from modelops_runtime.ledger.opening import run_called as run_called

DEFAULT = Path(".modelops") / "ledger.sqlite"

_HELP = "postgresql://... or a file; else MODELOPS_LEDGER; else .modelops/ledger.sqlite beside the spec, or the nearest upwards."


def ledger_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--ledger", "ledger_url", metavar="URL", help=_HELP)(function)


def run_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """The argument RUN, completed by the shell from the ledger's runs."""
    return click.argument("run_id", metavar="RUN", shell_complete=complete_run)(function)


def complete_run(ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """Names of runs that begin so; none when the ledger cannot be read, or not within a second.

    A name that cannot be typed as it is shown is left out: the shell would write it to the terminal.
    """
    from modelops_runtime.ledger.opening import run_names

    found: list[str] = []

    def read_names() -> None:
        with contextlib.suppress(Exception):
            found.extend(run_names(_url_for_reading(ctx.params.get("ledger_url"))))

    reader = threading.Thread(target=read_names, daemon=True)
    reader.start()
    reader.join(1.0)
    return [name for name in found if name.startswith(begun) and name == plain_line(name)]


def open_for_reading(ledger_url: str | None) -> Ledger:
    """The ledger of a command that takes a run: it must be there already."""
    from modelops_runtime.ledger.opening import open_ledger

    return open_ledger(_url_for_reading(ledger_url), create=False)


def _url_for_reading(ledger_url: str | None) -> str:
    return ledger_url or os.environ.get("MODELOPS_LEDGER") or str(_nearest())


def spec_beside(ledger_url: str | None, run: Run) -> Path:
    """The spec of a run in the folder of its ledger: adaptive.yaml, or the one spec there that has the run's name."""
    from modelops_runtime.ledger.opening import ledger_files

    files = ledger_files(_url_for_reading(ledger_url))
    if files:
        folder = files[0].resolve().parent
        folder = folder.parent if folder.name == DEFAULT.parent.name else folder
        found = [path for path in sorted(folder.glob("*.y*ml")) if _name_in(path) == run.spec.get("name")]
        if len(found) == 1 or (found := [path for path in found if path.name == "adaptive.yaml"]):
            return found[0]
    raise UserError(f"where is the spec of run {run.run_id!r}? give it with --spec")


def _name_in(path: Path) -> object:
    """The name in a spec's file, however it is quoted; None where the file cannot be read as one."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        content = YAML(typ="safe", pure=True).load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError):
        return None
    return content.get("name") if isinstance(content, dict) else None


def _nearest() -> Path:
    """The default ledger in this folder, or the nearest one upwards."""
    here = Path.cwd()
    found = next((folder / DEFAULT for folder in (here, *here.parents) if (folder / DEFAULT).is_file()), None)
    if found is None:
        raise UserError(f"no {DEFAULT} in {here} or above it; give --ledger, or go to the folder of the spec")
    return found
