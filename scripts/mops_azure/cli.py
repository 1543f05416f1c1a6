"""The `mops-azure` command: a thin group whose commands load only when they are used."""

from __future__ import annotations

from collections.abc import Sequence

import click

from modelops_cli.lazy import lazy_group
from modelops_cli.main import run_command_line

COMMANDS = {
    "init": "Write the provider config by asking.",
    "doctor": "Check sign-in, rights, quota, versions and names, each finding with its remedy.",
    "plan": "Show what `create` would do; nothing is changed.",
    "create": "Make the cluster, or change it to what the config says.",
    "status": "Show what is there: pools, versions, cost an hour.",
    "kubeconfig": "Fetch the cluster's kubeconfig.",
    "stop": "Stop the cluster: its nodes cost nothing, its data stays.",
    "start": "Start a stopped cluster.",
    "delete": "Delete everything that `create` made.",
    "registry": "The registry of images and bundles, which outlives clusters.",
}
"""Name -> short help; the command `x` is `command` in the module `mops_azure.commands.x`."""


@click.group(cls=lazy_group("mops_azure", COMMANDS), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="modelops", prog_name="mops-azure")
def cli() -> None:
    """A cluster on Azure for ModelOps, from an empty subscription, and back.

    \b
    mops-azure init      write ~/.modelops/providers/azure.yaml
    mops-azure doctor    what is missing before it can work
    mops-azure create    plan, question, progress; safe to run again
    mops-azure delete    the same backwards
    """


def main(args: Sequence[str] | None = None) -> None:
    """The entry point: every error a user can meet ends as a line on stderr and an exit code."""
    run_command_line(cli, args, name="mops-azure", report="please report it")
