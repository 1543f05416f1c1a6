"""`mops infra bootstrap`: what needs doing once in a subscription."""

from __future__ import annotations

from pathlib import Path

import click

from mops_azure.commands.common import ask, config_option, yes_option


@click.command()
@config_option
@yes_option
def command(config_path: Path, yes: bool) -> None:
    """Register the resource providers, then check all else. Exits with 1 on a problem.

    \b
    mops infra bootstrap
    """
    from mops_azure.commands.doctor import examine

    ask("Register what is missing in the subscription?", yes=yes)
    if examine(config_path, register=True):
        raise click.exceptions.Exit(1)
