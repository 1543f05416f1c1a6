"""`mops run --workspace`, as the command line shows it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from modelops_cli.output import echo_json, echo_line, echo_lines
from modelops_runtime.contracts.errors import RunFailed, UserError
from mops.adaptive.follow import Followed, follow
from mops.adaptive.release_ref import ClusterRun
from mops.adaptive.up import up
from mops.adaptive.up_request import up_request
from mops.cluster.access import Access
from mops.cluster.helm import Helm
from mops.commands.options import notify
from mops.terminal.answer import answer_lines, ended_json, failed_json
from mops.terminal.progress import listener

_TIMEOUT_S = 600.0
"""Until a worker is at work; `mops adaptive up --timeout` waits for longer."""


def run_on_workspace(
    access: Access,
    spec: Path,
    local_options: Sequence[str],
    *,
    workspace: str,
    run_id: str | None,
    namespace: str | None,
    values_files: tuple[Path, ...],
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Up, follow, fetch, answer. Raises what these raise; Ctrl-C leaves the run to itself, with exit code 130."""
    if local_options:
        raise UserError(f"{', '.join(local_options)} is for a run on this machine; with --workspace the spec says it")
    request = up_request(
        spec, run_id=run_id, workspace=workspace, namespace=namespace, flags=access.flags, values_files=values_files
    )
    to = out or request.loaded.root / "modelops-out" / request.run_id
    came = 0
    try:
        run = up(access, request, timeout_s=_TIMEOUT_S, notify=_silent if quiet else notify)
        came = 1
        slots = request.found_workspace(Helm(access)).binding("").slots
        with listener(as_json=as_json, quiet=quiet) as show:
            done = follow(access, run, slots, to, show)
    except KeyboardInterrupt:
        ref, again = request.ref, f"mops run --spec {spec} --workspace {workspace}{access.flags}"
        if not came:
            echo_line(f"stopped before the run was at work; `{again}` goes on", err=True)
        else:
            echo_line(
                f"detached; the run goes on. `{again}` follows it again, `{ref.command('status')}` shows where",
                err=True,
            )
            echo_line(f"it stands, `{ref.command('results')}` fetches what it found", err=True)
        raise click.exceptions.Exit(130) from None
    except RunFailed as error:
        page = to / "report.html"
        if as_json:
            echo_json(failed_json(error, page))
        echo_line(f"report of what failed: {page}", err=True)
        raise
    _show(run, done, as_json=as_json)


def _show(run: ClusterRun, done: Followed, *, as_json: bool) -> None:
    answer = done.calibration
    if as_json:
        echo_json(ended_json(answer))
        return
    echo_lines(answer_lines(answer))
    echo_line(f"the run's database is still there; `{run.ref.command('down')}` takes it away", err=True)


def _silent(_: str) -> None:
    """--quiet"""
