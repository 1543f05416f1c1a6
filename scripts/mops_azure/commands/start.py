"""`mops-azure start`."""

from __future__ import annotations

from pathlib import Path

import click

from mops_azure.commands.common import config_option, timeout_option
from mops_azure.commands.power import switch


@click.command()
@config_option
@timeout_option
def command(config_path: Path, timeout: float) -> None:
    """Start a stopped cluster.

    \b
    mops-azure start
    """
    switch(config_path, "start", timeout)
