"""`mops-azure kubeconfig`: how to reach the cluster."""

from __future__ import annotations

import os
from pathlib import Path

import click

from modelops_cli.output import echo_line
from mops_azure.bindings import fetch_kubeconfig
from mops_azure.commands.common import arm_for, config_option, load_config
from mops_azure.kubeconfig import dumped, merge_into, renamed, write_private
from mops_azure.secrets import expanded


@click.command()
@config_option
@click.option(
    "--file", "file", help="Write it here; - is standard output.  [~/.modelops/kubeconfig/GROUP-CLUSTER.yaml]"
)
@click.option(
    "--merge", "merged", is_flag=True, help="Add it to $KUBECONFIG or ~/.kube/config; other contexts stay as they are."
)
@click.option("--overwrite", is_flag=True, help="With --merge: replace an entry of the same name at another address.")
@click.option("--use", is_flag=True, help="With --merge: make it the current context.")
def command(config_path: Path, file: str | None, merged: bool, overwrite: bool, use: bool) -> None:
    """Fetch the cluster's kubeconfig into a file that only you can read.

    \b
    mops-azure kubeconfig
    mops-azure kubeconfig --merge --use
    """
    if merged and file:
        raise click.UsageError("--merge and --file are both there; keep one of them")
    if use and not merged:
        raise click.UsageError("--use is there without --merge; add --merge")
    if file == "":
        raise click.UsageError("--file is empty; name a file, or leave it out")
    config = load_config(config_path)
    name = f"{config.group_name}-{config.aks.name}"
    ours = renamed(fetch_kubeconfig(arm_for(config), config), name)
    if file == "-":
        click.echo(dumped(ours), nl=False)
        return
    if merged:
        path = expanded(Path(os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or "~/.kube/config"))
        merge_into(path, ours, overwrite=overwrite, use=use)
    else:
        path = expanded(Path(file or f"~/.modelops/kubeconfig/{name}.yaml"))
        write_private(path, dumped(ours))
    echo_line(f"{path}: context {name}")
