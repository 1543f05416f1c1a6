"""`mops infra`: the Azure plane under the names of the other planes. No package of Azure is imported before a command runs."""

from __future__ import annotations

import click

from mops_azure.commands import bootstrap, create, delete, doctor, status
from mops_azure.commands import destroy as destroy_all


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """A cluster on Azure: the same as `mops-azure`, under the names of the other planes.

    \b
    mops infra bootstrap    doctor, and what needs doing once
    mops infra up           mops-azure create
    mops infra status       mops-azure status
    mops infra down         mops-azure delete
    """


_SAME = {"bootstrap": bootstrap, "up": create, "status": status, "down": delete, "doctor": doctor}
"""Name here -> module of the command of `mops-azure`."""

for name, module in _SAME.items():
    command.add_command(module.command, name)


destroy = destroy_all.command
"""`mops destroy`: the other command that is the Azure plane's."""
