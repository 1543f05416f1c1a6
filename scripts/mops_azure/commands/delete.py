"""`mops-azure delete`: delete what `create` created, and nothing else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelops_cli.output import echo_line, echo_lines
from modelops_runtime.contracts.errors import ModelOpsError, UserError
from mops_azure.commands.common import (
    arm_for,
    config_option,
    confirm_production_option,
    dry_run_option,
    load_config,
    progress,
    timeout_option,
    unlock_option,
    yes_option,
)
from mops_azure.config import AzureConfig
from mops_azure.releases import ListedRelease, NoHelm, releases, uninstall
from mops_azure.resources.cluster import power_of
from mops_azure.states import state_of

if TYPE_CHECKING:
    from mops_azure.deletion import Inventory
    from mops_azure.transport import ArmClient
    from mops_azure.waiting import Session

PRODUCTION = ("prod", "production")


@click.command()
@config_option
@yes_option
@timeout_option
@click.option("--confirm", metavar="GROUP", help="With -y: the resource group's name, instead of typing it.")
@confirm_production_option
@unlock_option
@dry_run_option
def command(
    config_path: Path,
    yes: bool,
    timeout: float,
    confirm: str | None,
    confirm_production: str | None,
    unlock: bool,
    dry_run: bool,
) -> None:
    """Delete the resource group with the cluster, its disks and addresses; Helm releases first. The registry stays.

    \b
    mops-azure delete --dry-run
    mops-azure delete
    mops-azure delete -y --confirm modelops-anna
    """
    config = load_config(config_path)
    delete_group(
        config_path, config.group_name, yes, timeout, confirm, confirm_production, unlock=unlock, dry_run=dry_run
    )
    if not dry_run and has_registry(config):
        echo_line(f"the registry {config.registry_name} stays; `mops-azure registry delete` takes it away")


def has_registry(config: AzureConfig) -> bool:
    """Whether it exists, in any group."""
    from mops_azure.bindings import registry_binding

    return registry_binding(config, arm_for(config)) is not None


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
    seen: Inventory | None = None,
) -> Inventory:
    """List, check, ask, check again and delete a group of ours. `seen` was listed and confirmed before."""
    config = load_config(config_path)
    arm = arm_for(config)
    from mops_azure.deletion import check, check_again, inventory, lines
    from mops_azure.waiting import Session

    found = inventory(arm, config, name)
    if found.group is not None:
        click.echo("This goes, for good:")
    echo_lines(lines(found))
    check(found, unlock=unlock or dry_run)
    if seen:
        check_again(seen, found, unlock=unlock)
    if found.group is None:
        return found
    with _kubeconfig_of(arm, config, found) as kubeconfig:
        known = _listed_releases(kubeconfig)
        if dry_run:
            return found
        _confirm(name, yes, confirm, "--confirm")
        if is_production(config, found.group):
            click.echo("This is PRODUCTION (tag env).")
            _confirm(name, yes, confirm_production, "--confirm-production")
        say = progress()
        session = Session(arm=arm, say=say, deadline=time.monotonic() + timeout)
        _take_away(session, config, found, kubeconfig, known, unlock=unlock)
    say("gone")
    return found


def _take_away(
    session: Session,
    config: AzureConfig,
    found: Inventory,
    kubeconfig: Path | None,
    known: list[ListedRelease] | None,
    *,
    unlock: bool,
) -> None:
    """The question may stay open for hours, and Helm takes minutes: check both times that only what was confirmed is deleted."""
    from mops_azure.deletion import carry_out

    _look_again(session.arm, config, found, unlock=unlock)
    _check_releases(kubeconfig, known)
    ours = [one for one in known or [] if one.order is not None]
    try:
        if ours:
            _uninstall(kubeconfig, ours, session.say)
            _look_again(session.arm, config, found, unlock=unlock)
        carry_out(session, config, found)
    except KeyboardInterrupt:
        click.echo("mops-azure: stopped looking; Azure goes on. The same command again goes on from there", err=True)
        raise


def _look_again(arm: ArmClient, config: AzureConfig, found: Inventory, *, unlock: bool) -> None:
    from mops_azure.deletion import check_again, inventory

    now = inventory(arm, config, found.group_name)
    check_again(found, now, unlock=unlock)
    if is_production(config, now.group) and not is_production(config, found.group):
        raise UserError(f"resource group {found.group_name} has become PRODUCTION (tag env); it was not deleted")


def is_production(config: AzureConfig, group: Any) -> bool:
    """By the tag of the group that is there, or by the config."""
    tags = {str(key).lower(): str(value).lower() for key, value in ((group or {}).get("tags") or {}).items()}
    return tags.get("env") in PRODUCTION or config.tags.env.lower() in PRODUCTION


@contextmanager
def _kubeconfig_of(arm: ArmClient, config: AzureConfig, found: Inventory) -> Iterator[Path | None]:
    """A temporary kubeconfig for Helm; None if no cluster in this group can answer."""
    from mops_azure.bindings import ClusterBinding, fetch_kubeconfig, kubeconfig_file

    if found.cluster is None or power_of(found.cluster) == "Stopped" or state_of(found.cluster).lower() == "deleting":
        if found.cluster is not None:
            click.echo("the cluster is not running: Helm releases are not uninstalled first, they go with it")
        yield None
        return
    try:
        binding = ClusterBinding(kubeconfig=fetch_kubeconfig(arm, config))
    except ModelOpsError as error:
        echo_line(f"{error}: Helm releases are not uninstalled first, they go with the cluster")
        yield None
        return
    with kubeconfig_file(binding) as path:
        yield path


def _listed_releases(kubeconfig: Path | None) -> list[ListedRelease] | None:
    """All releases, ours first. None: they cannot be listed."""
    if kubeconfig is None:
        return None
    try:
        found = releases(kubeconfig)
    except NoHelm as error:
        echo_line(f"{error}: Helm releases are not uninstalled first, they go with the cluster")
        return None
    for one in found:
        how = "uninstalled first" if one.order is not None else "not ours; goes with the cluster"
        echo_line(f"  - Helm release {one.name} in namespace {one.namespace}, {one.chart} ({how})")
    return found


def _check_releases(kubeconfig: Path | None, known: list[ListedRelease] | None) -> None:
    """Raises UserError for a release that appeared since they were listed."""
    if kubeconfig is None or known is None:
        return
    try:
        now = releases(kubeconfig)
    except NoHelm:
        return
    there = {(one.namespace, one.name) for one in known}
    new = [f"{one.name} in {one.namespace}" for one in now if (one.namespace, one.name) not in there]
    if new:
        raise UserError(
            f"there are Helm releases that were not listed: {', '.join(new)}; nothing was deleted, run the same command "
            "again to see all that goes"
        )


def _uninstall(kubeconfig: Path | None, ours: list[ListedRelease], say: Callable[[str], None]) -> None:
    for one in ours if kubeconfig else []:
        assert kubeconfig
        say(f"Helm release {one.name} in {one.namespace}: uninstalling")
        try:
            uninstall(kubeconfig, one)
        except NoHelm as error:
            say(f"Helm release {one.name}: {error}; it goes with the cluster")


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
