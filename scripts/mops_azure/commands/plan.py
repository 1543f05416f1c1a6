"""`mops-azure plan`: what `create` would do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from modelops_cli.output import echo_json, echo_lines
from modelops_runtime.contracts.errors import ModelOpsError, UserError
from mops_azure.commands.common import arm_for, config_option, json_option, load_config
from mops_azure.kubeconfig import write_private
from mops_azure.plan import Plan, make_plan
from mops_azure.render import plan_json, plan_lines
from mops_azure.ssh import given_key
from mops_azure.states import not_going


class _WrongUse(click.UsageError):
    exit_code = 1


class _Detailed(click.Command):
    """A mistake in the options, too, leaves 2 to "changes" where --detailed-exitcode is given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        is_detailed = "--detailed-exitcode" in args
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise (_WrongUse(error.format_message(), error.ctx) if is_detailed else error) from None


@click.command(cls=_Detailed)
@config_option
@json_option
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 0 for no changes, 2 for changes, 1 for an error.")
@click.option(
    "--against", type=click.Path(path_type=Path), help="Compare with this file, without Azure; [] in it is nothing."
)
@click.option("--save-live", type=click.Path(path_type=Path), help="Write what is there now to a file for --against.")
def command(
    config_path: Path, as_json: bool, detailed_exitcode: bool, against: Path | None, save_live: Path | None
) -> None:
    """Show what `create` would do; nothing is changed.

    \b
    mops-azure plan
    mops-azure plan --json --detailed-exitcode
    echo '[]' > nothing.json; mops-azure plan --against nothing.json
    """
    try:
        plan = _show(config_path, as_json, against, save_live)
    except ModelOpsError as error:
        if detailed_exitcode:
            error.exit_code = 1  # 2 is taken
        raise
    if detailed_exitcode and plan.changes:
        raise click.exceptions.Exit(2)


def _show(config_path: Path, as_json: bool, against: Path | None, save_live: Path | None) -> Plan:
    from mops_azure.live import live_from_file

    config = load_config(config_path)
    key = given_key(config.ssh)
    unread: dict[str, str] = {}
    if against:
        live: dict[str, Any] = live_from_file(against)
    else:
        from mops_azure.live import read_live

        live = read_live(arm_for(config), config, unread)
    if save_live:
        try:
            write_private(
                save_live, json.dumps(list(live.values()), indent=2) + "\n"
            )  # it names everything that exists
        except UserError as error:
            raise UserError(f"--save-live {error}") from None
    plan = make_plan(config, live, ssh_key=key)
    plan = replace(plan, notes=(*plan.notes, *unread.values()))
    from mops_azure.cost import cost_lines, estimate
    from mops_azure.prices import price_table, shipped
    from mops_azure.resources.cluster import pools_left_alone

    there = not_going(live)
    more = [str(pool.get("vmSize")) for pool in pools_left_alone(config, there)]
    cost = estimate(config, shipped() if against else price_table(config, more_sizes=more), there)
    if as_json:
        echo_json({**plan_json(plan), "cost": cost.as_dict()}, indent=2)
    else:
        echo_lines([*plan_lines(plan), *cost_lines(cost)])
    return plan
