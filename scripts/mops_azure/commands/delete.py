"""`mops-azure delete`: take away what `create` made, and nothing else."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from modelops_runtime.contracts.errors import UserError
from mops_azure.commands.common import arm_for, config_option, load_config, progress, timeout_option, yes_option


@click.command()
@config_option
@yes_option
@timeout_option
@click.option("--confirm", metavar="GROUP", help="With -y: the resource group's name, instead of typing it.")
@click.option("--confirm-production", metavar="GROUP", help="With -y and env: prod: the name once more.")
@click.option("--unlock", is_flag=True, help="Remove our lock too. Others' locks are never removed.")
@click.option("--dry-run", is_flag=True, help="Only list what would go, and check whether it may.")
def command(
    config_path: Path,
    yes: bool,
    timeout: float,
    confirm: str | None,
    confirm_production: str | None,
    unlock: bool,
    dry_run: bool,
) -> None:
    """Delete the resource group with the cluster, its disks and addresses. The registry stays.

    \b
    mops-azure delete --dry-run
    mops-azure delete
    mops-azure delete -y --confirm modelops-anna
    """
    config = load_config(config_path)
    delete_group(
        config_path, config.group_name, yes, timeout, confirm, confirm_production, unlock=unlock, dry_run=dry_run
    )
    if config.acr.enabled and not dry_run:
        click.echo(f"the registry {config.registry_name} stays; `mops-azure registry delete` takes it away")


def delete_group(
    config_path: Path,
    name: str,
    yes: bool,
    timeout: float,
    confirm: str | None,
    confirm_production: str | None,
    *,
    unlock: bool,
    dry_run: bool,
) -> None:
    """List, check, ask, delete: of any group of ours."""
    config = load_config(config_path)
    arm = arm_for(config)
    from mops_azure.apply import Work
    from mops_azure.deletion import carry_out, check, inventory, lines

    found = inventory(arm, config, name)
    if found.group is not None:
        click.echo("This goes, for good:")
    click.echo("\n".join(lines(found)))
    check(found, unlock=unlock or dry_run)
    if dry_run or found.group is None:
        return
    _confirm(name, yes, confirm, "--confirm")
    if (
        str((found.group.get("tags") or {}).get("env", "")).lower() in ("prod", "production")
        or config.tags.env == "prod"
    ):
        click.echo("This is PRODUCTION (tag env).")
        _confirm(name, yes, confirm_production, "--confirm-production")
    say = progress()
    work = Work(arm=arm, say=say, deadline=time.monotonic() + timeout)
    try:
        carry_out(work, config, found)
    except KeyboardInterrupt:
        click.echo("mops-azure: stopped looking; Azure goes on. The same command again goes on from there", err=True)
        raise
    say("gone")


def _confirm(name: str, yes: bool, given: str | None, option: str) -> None:
    if yes:
        if given != name:
            wrong = f"{option} says {given!r}" if given else f"-y needs {option} as well"
            raise UserError(f"{wrong}; write {option} {name}. Nothing was deleted")
        return
    if not sys.stdin.isatty():
        raise UserError(f"nobody is there to ask; say -y {option} {name}. Nothing was deleted")
    if click.prompt("Type the resource group's name to delete it", err=True) != name:
        raise UserError("that is another name; nothing was deleted")
