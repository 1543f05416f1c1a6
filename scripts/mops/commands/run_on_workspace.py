"""`mops run --workspace`, as the command line shows it."""

from __future__ import annotations

from pathlib import Path

import click

from modelops_cli.output import echo_json, echo_line, echo_lines
from modelops_runtime.contracts.errors import RunFailed, UserError
from mops.adaptive.follow import FollowedRun, follow_run
from mops.adaptive.release_ref import ClusterRun, RunRef
from mops.adaptive.up import up
from mops.adaptive.up_request import UpRequest, up_request
from mops.cluster.access import Access
from mops.cluster.helm import Helm
from mops.commands.options import notify
from mops.commands.run_options import RunOptions
from mops.terminal.answer import answer_lines, ended_json, failed_json
from mops.terminal.progress import listener

_TIMEOUT_S = 600.0
"""For a worker to begin; `mops adaptive up --timeout` can wait for longer."""


def run_on_workspace(options: RunOptions, workspace: str) -> None:
    """Up, follow, fetch, answer. Raises what these raise; Ctrl-C leaves the run to itself, with exit code 130."""
    if names := options.local_options():
        raise UserError(f"{', '.join(names)} is for a run on this machine; with --workspace the spec says it")
    with options.cluster.access() as access:
        request = up_request(
            options.spec,
            run_id=options.run_id,
            workspace=workspace,
            namespace=options.namespace,
            flags=access.flags,
            values_files=options.values_files,
        )
        to = options.out or request.loaded.root / "modelops-out" / request.run_id
        try:
            _run(access, request, to, options)
        except RunFailed as error:
            page = to / "report.html"
            if options.as_json:
                echo_json(failed_json(error, page))
            echo_line(f"report of what failed: {page}", err=True)
            raise


def _run(access: Access, request: UpRequest, to: Path, options: RunOptions) -> None:
    run: ClusterRun | None = None
    try:
        run = up(access, request, timeout_s=_TIMEOUT_S, notify=_silent if options.quiet else notify)
        slots = request.found_workspace(Helm(access)).binding("").slots
        with listener(as_json=options.as_json, quiet=options.quiet) as show:
            followed = follow_run(access, run, slots, to, show)
    except KeyboardInterrupt:
        again = f"mops run --spec {options.spec} --workspace {request.workspace_name}{access.flags}"
        echo_lines(_interrupted_lines(again, None if run is None else run.ref), err=True)
        raise click.exceptions.Exit(130) from None
    _show(run, followed, as_json=options.as_json)


def _interrupted_lines(again: str, ref: RunRef | None) -> list[str]:
    """How to go on; `ref`: of a run whose workers have begun."""
    if ref is None:
        return [f"stopped before the run was at work; `{again}` goes on"]
    return [
        f"detached; the run goes on. `{again}` follows it again, `{ref.command('status')}` shows where",
        f"it stands, `{ref.command('results')}` fetches what it found",
    ]


def _show(run: ClusterRun, followed: FollowedRun, *, as_json: bool) -> None:
    answer = followed.calibration
    if as_json:
        echo_json(ended_json(answer))
        return
    echo_lines(answer_lines(answer))
    echo_line(f"the run's database is still there; `{run.ref.command('down')}` takes it away", err=True)


def _silent(_: str) -> None:
    """--quiet"""
