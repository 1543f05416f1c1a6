"""`mops doctor`: is a cluster fit for workspaces and runs?"""

from __future__ import annotations

from importlib.metadata import version

import click

from modelops_cli.output import echo_json, echo_line
from mops.cluster.access import Access
from mops.commands.options import cluster_options, seconds


@click.command()
@click.option(
    "--image", metavar="IMAGE", help="A worker's image, to try whether pods get it; default: the chart's own."
)
@click.option("--no-probe", is_flag=True, help="Start no pods: neither image nor NetworkPolicy are tried.")
@click.option("--timeout", default="3m", show_default=True, metavar="TIME", help="Of the trial with pods.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a finding, a line each.")
@cluster_options
def command(image: str | None, no_probe: bool, timeout: str, as_json: bool, access: Access) -> None:
    """Look at helm, kubeconfig, API server, rights, storage and nodes, and try an image and a NetworkPolicy with two pods.

    Each finding comes with its remedy; exit code 1 when something is missing that is needed. Nothing is left behind.

    \b
    mops doctor
    mops doctor --image registry.example.org/modelops/dask-worker:0.1.0
    mops doctor --infra azure
    """
    from mops.charts.images import our_repository
    from mops.cluster.doctor import examine

    tried = image or f"{our_repository('dask-worker', access.registry)}:{version('modelops')}"
    is_fit = True
    for one in examine(access, tried, probe=not no_probe, timeout_s=seconds(timeout)):
        is_fit &= one.is_good or not one.is_needed
        if as_json:
            echo_json(one.as_json())
            continue
        mark = "ok  " if one.is_good else "BAD " if one.is_needed else "note"
        echo_line(f"{mark}  {one.what:<14} {one.message}" + (f"; {one.remedy}" if one.remedy else ""))
    if not is_fit:
        raise click.exceptions.Exit(1)
