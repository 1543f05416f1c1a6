"""`mops-azure registry`: a plane of its own, since it outlives clusters and may be shared."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import click

from modelops_cli.output import echo_line, echo_lines
from modelops_runtime.contracts.errors import UserError
from mops_azure.commands.common import (
    arm_for,
    ask,
    config_option,
    confirm_production_option,
    dry_run_option,
    load_config,
    progress,
    timeout_option,
    yes_option,
)
from mops_azure.config import AzureConfig
from mops_azure.plan import Live, Plan, make_attach_plan, make_registry_plan, refuse_replacements
from mops_azure.render import plan_lines


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """The registry of images and bundles: made, attached to a cluster, deleted apart from it."""


@command.command()
@config_option
@yes_option
@timeout_option
def create(config_path: Path, yes: bool, timeout: float) -> None:
    """Make the registry; safe to run again.

    \b
    mops-azure registry create
    """
    _apply(config_path, yes, timeout, make_registry_plan)


@command.command()
@config_option
@yes_option
@timeout_option
def attach(config_path: Path, yes: bool, timeout: float) -> None:
    """Let the cluster's nodes pull from the registry.

    \b
    mops-azure registry attach
    """
    _apply(config_path, yes, timeout, make_attach_plan)


@command.command()
@config_option
@yes_option
@timeout_option
@click.option("--confirm", metavar="GROUP", help="With -y: the name of the registry's resource group.")
@confirm_production_option
@dry_run_option
def delete(
    config_path: Path, yes: bool, timeout: float, confirm: str | None, confirm_production: str | None, dry_run: bool
) -> None:
    """Delete the registry with its group and all images in it.

    \b
    mops-azure registry delete --dry-run
    """
    from mops_azure.commands.delete import delete_group

    config = _with_registry(config_path)
    group = config.registry_group
    if group == config.group_name:
        raise UserError(f"the registry is in the cluster's group {group}; `mops-azure delete` takes both")
    delete_group(config_path, group, yes, timeout, confirm, confirm_production, unlock=False, dry_run=dry_run)


def _with_registry(config_path: Path) -> AzureConfig:
    config = load_config(config_path)
    if not config.acr.enabled:
        raise UserError(f"{config_path}: acr.enabled is false; write acr: {{enabled: true}}")
    return config


def _apply(config_path: Path, yes: bool, timeout: float, plan_of: Callable[[AzureConfig, Live], Plan]) -> None:
    config = _with_registry(config_path)
    arm = arm_for(config)
    from mops_azure.apply import apply_plan
    from mops_azure.bindings import fetch_registry
    from mops_azure.live import read_live
    from mops_azure.waiting import Session

    plan = plan_of(config, read_live(arm, config))
    echo_lines(plan_lines(plan))
    refuse_replacements(plan)
    if plan.changes:
        ask("Go on?", yes=yes)
        session = Session(arm=arm, say=progress(), deadline=time.monotonic() + timeout)
        apply_plan(session, plan, read=lambda: read_live(arm, config), plan_of=lambda live: plan_of(config, live))
    found = fetch_registry(arm, config)
    if found:
        echo_line(f"registry {found.login_server}")
