"""`mops infra`: the Azure plane under the names of the other planes. The only file of `mops` that calls `mops_azure`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from modelops_cli.lazy import load
from mops.cluster.access import Access
from mops_azure.commands.common import CONFIG_VARIABLE, config_option, yes_option
from mops_azure.config import DEFAULT_PATH


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """A cluster on Azure: the same as `mops-azure`, under the names of the other planes.

    \b
    mops infra bootstrap    doctor, and what needs doing once
    mops infra up           mops-azure create
    mops infra status       mops-azure status
    mops infra down         mops-azure delete
    """


for name, same in {"up": "create", "status": "status", "down": "delete", "doctor": "doctor"}.items():
    command.add_command(load("mops_azure", same), name)


destroy = load("mops_azure", "destroy")
"""`mops destroy`: the other command that is the Azure plane's."""


@command.command()
@config_option
@yes_option
def bootstrap(config_path: Path, yes: bool) -> None:
    """Register the resource providers, then check all else. Exits with 1 on a problem.

    \b
    mops infra bootstrap
    """
    from mops_azure.commands.common import ask
    from mops_azure.commands.doctor import examine

    ask("Register what is missing in the subscription?", yes=yes)
    if examine(config_path, register=True):
        raise click.exceptions.Exit(1)


@contextmanager
def azure_cluster(config_path: Path | None) -> Iterator[Access]:
    """The cluster of a provider config (None: as `mops-azure` finds it), by a kubeconfig that is gone afterwards.

    Raises UserError when there is no such cluster or it is stopped, SpecErrors, AzureError, Unreachable.
    """
    from mops_azure.bindings import cluster_binding, database_binding, kubeconfig_file
    from mops_azure.commands.common import arm_for
    from mops_azure.config import load_config

    config = load_config(config_path or Path(os.environ.get(CONFIG_VARIABLE) or DEFAULT_PATH))
    arm = arm_for(config)
    binding = cluster_binding(config, arm)
    with kubeconfig_file(binding) as kubeconfig:
        yield Access(kubeconfig, registry=binding.acr_login_server, database=lambda: database_binding(config, arm))
