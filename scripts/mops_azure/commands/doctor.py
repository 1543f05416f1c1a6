"""`mops-azure doctor`: before it can go wrong."""

from __future__ import annotations

from pathlib import Path

import click

from modelops_cli.output import echo_line
from mops_azure.commands.common import arm_for, config_option, load_config, progress


@click.command()
@config_option
@click.option("--register", is_flag=True, help="Register the resource providers that are missing.")
def command(config_path: Path, register: bool) -> None:
    """Check sign-in, subscription, providers, version, VM sizes, quota, names and rights. Exits with 1 on a problem.

    \b
    mops-azure doctor
    mops-azure doctor --register
    """
    if examine(config_path, register=register):
        raise click.exceptions.Exit(1)


def examine(config_path: Path, *, register: bool) -> int:
    """Print each finding; the number of problems."""
    config = load_config(config_path)
    arm = arm_for(config)
    from mops_azure import doctor

    if register:
        doctor.register_providers(arm, config, progress())
    problems = 0
    for finding in doctor.examine(arm, config):
        echo_line(finding)
        problems += finding.level == "problem"
    click.echo("nothing stands in the way" if not problems else f"{problems} to solve")
    return problems
