"""`mops-azure create`: make it as the config says; safe to run again."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelops_cli.output import echo_lines
from modelops_runtime.contracts.errors import UserError
from mops_azure import resources
from mops_azure.commands.common import arm_for, ask, config_option, load_config, progress, timeout_option, yes_option
from mops_azure.config import AzureConfig
from mops_azure.cost import cost_lines, estimate
from mops_azure.errors import AzureError
from mops_azure.plan import Plan, make_plan, refuse_if_stopped, refuse_replacements, under_way
from mops_azure.prices import price_table
from mops_azure.render import plan_lines
from mops_azure.resources.cluster import cluster_id, pools_left_alone, power_of
from mops_azure.resources.kind import Live
from mops_azure.ssh import ephemeral_key, given_key
from mops_azure.states import not_going

if TYPE_CHECKING:
    from mops_azure.transport import ArmClient
    from mops_azure.waiting import Session


@click.command()
@config_option
@yes_option
@timeout_option
@click.option(
    "--no-wait", is_flag=True, help="Return once Azure is at work; run it again to finish, or `status --watch`."
)
@click.option("--allow-replace", is_flag=True, help="Let resources be deleted and made anew where the plan says so.")
def command(config_path: Path, yes: bool, timeout: float, no_wait: bool, allow_replace: bool) -> None:
    """Create the cluster, or change it to match the config. Run it again after any stop to continue.

    \b
    mops-azure create
    mops-azure create -y --timeout 45m
    """
    config = load_config(config_path)
    key = given_key(config.ssh)
    arm = arm_for(config)
    from mops_azure.apply import apply_plan
    from mops_azure.live import newest_default_version, read_live
    from mops_azure.waiting import Session

    unread: dict[str, str] = {}
    live = read_live(arm, config, unread)
    there, version = not_going(live), None
    if cluster_id(config).lower() not in there or any(
        one.id.lower() not in there for one in resources.independent(config)
    ):
        _register_providers(arm, config)
    if cluster_id(config).lower() not in there:
        version = config.aks.version or newest_default_version(arm, config)
        key = key or ephemeral_key()
    secrets = _secrets(config, {**there, **unread})
    plan = make_plan(config, live, version=version, ssh_key=key, secrets=secrets)
    echo_lines(plan_lines(replace(plan, notes=(*plan.notes, *unread.values()))))
    if not plan.changes and next(under_way(live), None) is None:
        return
    _refuse_losses(arm, config, plan, there, allow_replace=allow_replace)
    more = [str(pool.get("vmSize")) for pool in pools_left_alone(config, there)]
    echo_lines(cost_lines(estimate(config, price_table(config, more_sizes=more), there)))
    ask("Go on?", yes=yes)
    say = progress()
    session = Session(arm=arm, say=say, deadline=time.monotonic() + timeout, wait=not no_wait)
    try:
        apply_plan(
            session,
            plan,
            read=lambda: _read(session, config),
            plan_of=lambda found: make_plan(config, found, version=version, ssh_key=key, secrets=secrets),
        )
    except KeyboardInterrupt:
        click.echo("mops-azure: stopped looking; Azure goes on. `mops-azure create` again goes on from there", err=True)
        raise
    say("ready")
    is_stopped = power_of(there.get(cluster_id(config).lower())) == "Stopped"
    click.echo(f"next: {'mops-azure start' if is_stopped else 'mops workspace up --infra azure'}")


def _secrets(config: AzureConfig, known: Live) -> dict[str, str]:
    """Secrets that new resources need, by kind."""
    new = {one.kind for one in resources.independent(config) if one.id.lower() not in known}
    return {kind.name: kind.secret(config) for kind in resources.KINDS if kind.secret and kind.name in new}


def _register_providers(arm: ArmClient, config: AzureConfig) -> None:
    from mops_azure.doctor import register_providers

    try:
        register_providers(arm, config, progress())
    except AzureError as error:
        if not error.is_denied:
            raise
        progress()(str(error))  # they may be registered all the same


def _refuse_losses(arm: ArmClient, config: AzureConfig, plan: Plan, live: Live, *, allow_replace: bool) -> None:
    """Raises UserError for a replacement that is never allowed, was not confirmed, or could not be recreated."""
    from mops_azure.capacity import check_replaced, holds_nothing

    refuse_replacements(plan)
    lost = [step for step in plan.replaced if not holds_nothing(arm, config, live, step)]
    if lost and not allow_replace:
        names = ", ".join(f"{step.resource.kind} {step.resource.name}" for step in lost)
        raise UserError(
            f"{names} would be deleted and made anew; say --allow-replace if that is wanted, or undo the change"
        )
    refuse_if_stopped(config, plan, live)
    check_replaced(arm, config, plan, live, progress())


def _read(session: Session, config: AzureConfig) -> dict[str, Any]:
    """Existing resources. A missing right to read is reported at the end if it prevents a resource and nothing
    else reports it."""
    from mops_azure.live import read_live

    unread: dict[str, str] = {}
    found = read_live(session.arm, config, unread)
    untold = {
        what: line
        for what, line in unread.items()
        if "/microsoft.authorization/" not in what and not what.endswith("/resources")  # what else is in a group
    }
    session.denied |= untold
    session.unread |= untold.keys()
    return found
