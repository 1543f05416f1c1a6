"""`mops-azure stop`."""

from __future__ import annotations

from pathlib import Path

import click

from mops_azure.commands.common import config_option, timeout_option
from mops_azure.commands.power import switch


@click.command()
@config_option
@timeout_option
def command(config_path: Path, timeout: float) -> None:
    """Stop the cluster: its nodes cost nothing, its disks and its state stay.

    \b
    mops-azure stop
    """
    switch(config_path, "stop", timeout)
