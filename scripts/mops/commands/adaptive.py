"""`mops adaptive`: a run on a workspace of a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelops_cli.output import echo_json, echo_line, echo_lines
from mops.cluster.access import Access
from mops.cluster.pull_secrets import PullSecret
from mops.commands.options import (
    cluster_options,
    dry_run_option,
    follow_option,
    going_on_later,
    json_option,
    not_empty,
    notify,
    pull_secret_options,
    show_lines,
    tail_option,
    timeout_option,
    values_option,
)

if TYPE_CHECKING:
    from modelops_runtime.results.export import Format

_run = click.argument("run_id", metavar="RUN", callback=not_empty)
_namespace = click.option(
    "--namespace", metavar="NS", callback=not_empty, help="Where it is; default: a namespace of its own, by its name."
)
_to = click.option(
    "--to", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Default: modelops-out/RUN here."
)


@click.group()
def command() -> None:
    """A run on a workspace of a cluster, which needs nobody to watch it.

    \b
    mops adaptive up adaptive.yaml
    mops adaptive status boarding-school
    mops adaptive results boarding-school --to results
    mops adaptive down boarding-school
    """


@command.command()
@click.argument("spec", type=click.Path(path_type=Path, dir_okay=False), metavar="SPEC")
@click.option("--run-id", metavar="ID", callback=not_empty, help="Name of the run; default: the spec's `name`.")
@click.option(
    "--workspace",
    metavar="NAME",
    callback=not_empty,
    help="Which workspace simulates; default: the spec's `workspace_ref`.",
)
@click.option(
    "--workspace-namespace",
    metavar="NS",
    callback=not_empty,
    help="Where the workspace is, when that cannot be found out.",
)
@_namespace
@values_option
@pull_secret_options
@timeout_option
@dry_run_option
@cluster_options
def up(
    spec: Path,
    run_id: str | None,
    workspace: str | None,
    workspace_namespace: str | None,
    namespace: str | None,
    values_files: tuple[Path, ...],
    pull_secret: PullSecret,
    timeout: float,
    dry_run: bool,
    access: Access,
) -> None:
    """Start the run of SPEC on a workspace, and wait until it works. The same command continues it after any stop.

    \b
    mops adaptive up adaptive.yaml
    mops adaptive up adaptive.yaml --run-id second-try --workspace gpu
    mops adaptive up adaptive.yaml --infra azure
    mops adaptive up adaptive.yaml --dry-run
    """
    from mops.adaptive.up import preview
    from mops.adaptive.up import up as bring_up
    from mops.adaptive.up_request import up_request

    request = up_request(
        spec, run_id=run_id, workspace=workspace, workspace_namespace=workspace_namespace, namespace=namespace,
        flags=access.flags, values_files=values_files, pull_secret=pull_secret,
    )  # fmt: skip
    if dry_run:
        echo_lines(preview(access, request) or ["nothing would change"])
        return
    with going_on_later(f"mops adaptive up {spec}{access.flags}"):
        ref = bring_up(access, request, timeout_s=timeout, notify=notify).ref
    echo_line(f"run {ref.run_id} is at work; `{ref.command('status')}` shows where it stands")


@command.command()
@click.argument("run_id", metavar="[RUN]", required=False, callback=not_empty)
@_namespace
@json_option
@cluster_options
def status(run_id: str | None, namespace: str | None, as_json: bool, access: Access) -> None:
    """Show where RUN stands: trials, the best, who holds leases, the last errors, its pods. Without RUN: list all.

    \b
    mops adaptive status
    mops adaptive status boarding-school --json
    """
    from mops.adaptive.run_status import read_status, runs
    from mops.cluster.helm import Helm
    from mops.cluster.release_lines import release_lines

    if run_id is None:
        found = runs(Helm(access), namespace)
        keys = ("name", "namespace", "revision", "status")
        if as_json:
            echo_json([{key: getattr(one, key) for key in keys} for one in found])
        else:
            echo_lines(release_lines("RUN", found, none="no runs on this cluster; `mops adaptive up` begins one"))
        return
    status = read_status(access, run_id, namespace, notify=notify)
    echo_json(status.as_json()) if as_json else echo_lines(status.lines())


@command.command()
@_run
@_namespace
@click.option("--component", type=click.Choice(["all", "worker", "database"]), default="worker", show_default=True,
              help="Whose logs.")  # fmt: skip
@tail_option
@follow_option
@cluster_options
def logs(run_id: str, namespace: str | None, component: str, tail: int, follow: bool, access: Access) -> None:
    """Show the end of the logs of the pods of RUN; with --follow go on until the run is over, or Ctrl-C.

    \b
    mops adaptive logs boarding-school
    mops adaptive logs boarding-school --follow
    mops adaptive logs boarding-school --component database --tail 100
    """
    from mops.adaptive.release_ref import find
    from mops.adaptive.worker_jobs import job_end
    from mops.cluster.access import Kube
    from mops.cluster.follow_logs import follow_logs
    from mops.cluster.helm import Helm
    from mops.cluster.pods import log_lines

    ref = find(Helm(access), run_id, namespace).ref
    selected = "" if component == "all" else component
    kube = Kube(access)
    of = (kube, ref.namespace, ref.release, selected, tail)
    show_lines(follow_logs(*of, is_over=lambda: bool(job_end(kube, ref))) if follow else log_lines(*of))


@command.command()
@_run
@_to
@click.option("--format", "format_", type=click.Choice(["parquet", "csv", "optuna"]), default="parquet",
              show_default=True, help="As of `mops results export`.")  # fmt: skip
@_namespace
@cluster_options
def results(run_id: str, to: Path | None, format_: Format, namespace: str | None, access: Access) -> None:
    """Fetch what RUN has found, at any time: the same export and report as of a local run.

    \b
    mops adaptive results boarding-school --to results
    """
    from mops.adaptive.release_ref import find
    from mops.adaptive.results import fetch
    from mops.cluster.errors import NotOnCluster
    from mops.cluster.helm import Helm

    run = find(Helm(access), run_id, namespace)
    paths = fetch(access, run, to or Path("modelops-out") / run_id, notify=notify, format=format_)
    if not paths:
        raise NotOnCluster(f"run {run_id!r} has no results yet", f"`{run.ref.command('status')}` shows where it stands")
    for path in paths:
        echo_line(path)


@command.command()
@_run
@_to
@click.option("--discard", is_flag=True, help="Do not fetch the results first.")
@click.option(
    "--purge",
    is_flag=True,
    help="Delete its ledger too: disk or database, Secrets, and the namespace, where `up` made it.",
)
@_namespace
@timeout_option
@cluster_options
def down(
    run_id: str, to: Path | None, discard: bool, purge: bool, namespace: str | None, timeout: float, access: Access
) -> None:
    """Fetch the results of RUN, then remove it. Its ledger stays, so that `up` can continue, unless --purge is given.

    \b
    mops adaptive down boarding-school
    mops adaptive down boarding-school --to results --purge
    mops adaptive down boarding-school --purge --discard
    """
    from mops.adaptive.down import remove, save
    from mops.adaptive.release_ref import find, ref_of
    from mops.cluster.errors import NotOnCluster
    from mops.cluster.helm import Helm

    ref = ref_of(run_id, namespace, access.flags)
    if not discard:
        try:
            run = find(Helm(access), run_id, namespace)
        except NotOnCluster as error:
            right = f"`{ref.command('down')} --purge --discard` deletes what it may have left"
            raise NotOnCluster(error.what, right) from None
        paths = save(access, run, to or Path("modelops-out") / run_id, notify)
        notify(f"results: {paths[-1].parent}" if paths else "there are no results yet")
    remove(access, ref, purge=purge, timeout_s=timeout, notify=notify)
