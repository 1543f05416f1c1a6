"""`mops infra`: the Azure plane under the names of the other planes."""

from __future__ import annotations

import click

from modelops_cli.lazy import load


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """A cluster on Azure: the same as `mops-azure`, under the names of the other planes.

    \b
    mops infra bootstrap    doctor, and what needs doing once
    mops infra up           mops-azure create
    mops infra status       mops-azure status
    mops infra down         mops-azure delete
    """


_SAME = {"bootstrap": "bootstrap", "up": "create", "status": "status", "down": "delete", "doctor": "doctor"}
"""Name here -> command of `mops-azure`."""

for name, same in _SAME.items():
    command.add_command(load("mops_azure", same), name)


destroy = load("mops_azure", "destroy")
"""`mops destroy`: the other command that is the Azure plane's."""
