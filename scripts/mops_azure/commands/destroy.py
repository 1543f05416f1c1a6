"""`mops destroy --all`: everything that ModelOps has in Azure."""

from __future__ import annotations

from pathlib import Path

import click

from modelops_runtime.contracts.errors import UserError
from mops_azure.commands.common import (
    config_option,
    confirm_production_option,
    dry_run_option,
    load_config,
    timeout_option,
    unlock_option,
    yes_option,
)
from mops_azure.commands.delete import delete_group, has_registry


@click.command()
@config_option
@yes_option
@timeout_option
@click.option("--all", "everything", is_flag=True, required=True, help="Say that you mean everything.")
@click.option("--confirm", metavar="GROUP", help="With -y: the name of the cluster's resource group.")
@confirm_production_option
@click.option("--registry", metavar="GROUP", help="The registry too: the name of its resource group.")
@unlock_option
@dry_run_option
def command(
    config_path: Path,
    yes: bool,
    timeout: float,
    everything: bool,
    confirm: str | None,
    confirm_production: str | None,
    registry: str | None,
    unlock: bool,
    dry_run: bool,
) -> None:
    """Take away all: runs, workspaces, the cluster with its group, and, when it is named, the registry.

    \b
    mops destroy --all --dry-run
    mops destroy --all
    mops destroy --all -y --confirm modelops-anna --registry modelops-anna-registry
    """
    config = load_config(config_path)
    seen = None
    apart = config.acr.enabled and config.registry_group != config.group_name
    if apart and registry:
        if registry != config.registry_group:
            raise UserError(
                f"--registry says {registry!r}; write --registry {config.registry_group}. Nothing was deleted"
            )
        # Checked before anything is deleted: a registry that may not be deleted stops everything.
        seen = delete_group(config_path, registry, yes, timeout, None, None, unlock=False, dry_run=True)
    delete_group(
        config_path, config.group_name, yes, timeout, confirm, confirm_production, unlock=unlock, dry_run=dry_run
    )
    if not apart or dry_run:
        return
    if not registry:
        if has_registry(config):
            click.echo(
                f"the registry {config.registry_name} stays; --registry {config.registry_group} takes it away too"
            )
        return
    production = registry if confirm_production else None
    agreed = seen if yes else None  # with -y nobody is asked again about what has appeared meanwhile
    delete_group(config_path, registry, yes, timeout, registry, production, unlock=False, dry_run=False, seen=agreed)
