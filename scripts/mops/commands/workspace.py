"""`mops workspace`: a Dask scheduler and workers on a cluster, for any number of runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelops_cli.output import echo_json, echo_line, echo_lines
from mops.cluster.access import Access
from mops.cluster.names import DEFAULT_WORKSPACE
from mops.cluster.pull_secrets import PullSecret
from mops.commands.options import (
    WorkersType,
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
    from mops.workspace.spec import WorkspaceSpec

FILE = Path("workspace.yaml")

_name = click.argument("name", default=DEFAULT_WORKSPACE, metavar="[NAME]", callback=not_empty)
_namespace = click.option(
    "--namespace", metavar="NS", callback=not_empty, help="Where it is, when it is not where it would be by its name."
)


@click.group()
def command() -> None:
    """A workspace on a cluster: a Dask scheduler and workers that simulate for any number of runs.

    \b
    mops workspace up
    mops workspace status
    mops workspace down
    """


@command.command()
@_name
@click.option("--file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Its workspace.yaml; default: the one in this folder, if there is one.")  # fmt: skip
@click.option(
    "--namespace", metavar="NS", callback=not_empty, help="Another namespace than the file's, or than NAME's own."
)
@click.option(
    "--build", is_flag=True, help="First build the images that the file names from this source tree, and push them."
)
@values_option
@pull_secret_options
@timeout_option
@dry_run_option
@cluster_options
def up(
    name: str,
    file: Path | None,
    namespace: str | None,
    build: bool,
    values_files: tuple[Path, ...],
    pull_secret: PullSecret,
    timeout: float,
    dry_run: bool,
    access: Access,
) -> None:
    """Make the workspace NAME (modelops), or bring it to what its file says, and wait until it is ready.

    The same command continues after any stop.

    \b
    mops workspace up
    mops workspace up gpu --file gpu.yaml --timeout 15m
    mops workspace up --build
    mops workspace up --infra azure
    mops workspace up --dry-run
    """
    from mops.workspace.up import WorkspaceRequest, preview
    from mops.workspace.up import up as bring_up

    request = WorkspaceRequest(
        name=name, spec=_spec(file), namespace=namespace, values_files=values_files, pull_secret=pull_secret,
        registry=access.registry,
    )  # fmt: skip
    if dry_run:
        echo_lines(preview(access, request) or ["nothing would change"])
        return
    if build:
        from mops.workspace.build import build_and_push

        build_and_push(request.spec, notify, registry=access.registry)
    with going_on_later(f"mops workspace up {name}{access.flags}"):
        workspace = bring_up(access, request, timeout_s=timeout, notify=notify)
    binding = workspace.binding("")
    echo_line(f"workspace {name} is ready: {binding.address}, {binding.slots} simulations side by side")


def _spec(file: Path | None) -> WorkspaceSpec:
    from mops.workspace.spec import WorkspaceSpec, load_workspace

    if file is None and not FILE.is_file():
        return WorkspaceSpec(version=1)
    return load_workspace(file or FILE)


@command.command()
@_name
@_namespace
@json_option
@cluster_options
def status(name: str, namespace: str | None, as_json: bool, access: Access) -> None:
    """Show the workspace NAME: its release, its scheduler, its pods, and who works on it.

    \b
    mops workspace status
    mops workspace status gpu --json
    """
    from mops.cluster.access import Kube
    from mops.cluster.helm import Helm
    from mops.cluster.pods import pods_of
    from mops.workspace.release_ref import find
    from mops.workspace.sleep import asleep_since
    from mops.workspace.text import status_lines
    from mops.workspace.up import as_json as plain
    from mops.workspace.up import runs_on

    kube = Kube(access)
    workspace = find(Helm(access), name, namespace)
    pods = pods_of(kube, workspace.ref.namespace, workspace.ref.release)
    runs, asleep = runs_on(kube, workspace.ref.namespace), asleep_since(kube, workspace.ref)
    if as_json:
        echo_json({**plain(workspace, pods, asleep), "runs": runs})
    else:
        echo_lines(status_lines(workspace, pods, runs, asleep))


@command.command()
@json_option
@click.option(
    "--namespace", metavar="NS", callback=not_empty, help="Look there alone, without the right to look everywhere."
)
@cluster_options
def ls(as_json: bool, namespace: str | None, access: Access) -> None:
    """List the workspaces of the cluster.

    \b
    mops workspace ls
    mops workspace ls --json
    """
    from mops.cluster.helm import Helm
    from mops.cluster.release_lines import release_lines
    from mops.workspace.release_ref import CHART

    found = Helm(access).releases(CHART, namespace)
    if as_json:
        keys = ("name", "namespace", "revision", "status", "chart")
        echo_json([{key: getattr(one, key) for key in keys} for one in found])
    else:
        echo_lines(
            release_lines("WORKSPACE", found, none="no workspaces on this cluster; `mops workspace up` makes one")
        )


@command.command()
@click.argument("replicas", type=WorkersType(), metavar="N")
@_name
@_namespace
@timeout_option
@cluster_options
def scale(replicas: int, name: str, namespace: str | None, timeout: float, access: Access) -> None:
    """Give the workspace NAME another number of workers, N; 0 costs nothing while nobody works.

    \b
    mops workspace scale 20
    mops workspace scale 0 gpu
    """
    from mops.workspace.up import scale as scale_to

    workspace = scale_to(access, name, namespace, replicas, timeout_s=timeout, notify=notify)
    echo_line(f"workspace {name} has {workspace.values.workers.replicas} workers")


@command.command()
@_name
@_namespace
@click.option("--component", type=click.Choice(["all", "scheduler", "worker", "idle"]), default="all", show_default=True,
              help="Whose logs.")  # fmt: skip
@tail_option
@follow_option
@cluster_options
def logs(name: str, namespace: str | None, component: str, tail: int, follow: bool, access: Access) -> None:
    """Show the end of the logs of the pods of the workspace NAME; with --follow go on until Ctrl-C.

    \b
    mops workspace logs
    mops workspace logs gpu --component worker --tail 100
    mops workspace logs --follow
    """
    from mops.cluster.access import Kube
    from mops.cluster.follow_logs import follow_logs
    from mops.cluster.helm import Helm
    from mops.cluster.pods import log_lines
    from mops.workspace.release_ref import find

    ref = find(Helm(access), name, namespace).ref
    selected = "" if component == "all" else component
    of = (Kube(access), ref.namespace, ref.release, selected, tail)
    show_lines(follow_logs(*of, is_over=lambda: False) if follow else log_lines(*of))


@command.command()
@_name
@_namespace
@click.option("--purge", is_flag=True, help="Its certificates too, and its namespace, where `up` made it.")
@click.option("--force", is_flag=True, help="Even while runs work on it.")
@timeout_option
@cluster_options
def down(name: str, namespace: str | None, purge: bool, force: bool, timeout: float, access: Access) -> None:
    """Take the workspace NAME away. Refused while runs work on it.

    \b
    mops workspace down
    mops workspace down gpu --purge
    """
    from mops.workspace.up import down as take_down

    take_down(access, name, namespace, purge=purge, force=force, timeout_s=timeout, notify=notify)
