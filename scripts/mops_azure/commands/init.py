"""`mops-azure init`: the provider config by asking."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from modelops_runtime.contracts.errors import UserError
from modelops_runtime.specs.messages import mistakes_of
from mops_azure.commands.common import config_option
from mops_azure.config import AzureConfig, config_file
from mops_azure.kubeconfig import dumped, write_private
from mops_azure.settings import sanitised


@click.command()
@config_option
@click.option("--subscription", help="Its id; asked for when left out.")
@click.option("--tenant", help="Its id; asked for when left out.")
@click.option("--location", help="Such as eastus2; asked for when left out.")
@click.option("--registry/--no-registry", default=None, help="With a registry of images and bundles?")
@click.option("--force", is_flag=True, help="Replace a config that is there.")
def command(
    config_path: Path,
    subscription: str | None,
    tenant: str | None,
    location: str | None,
    registry: bool | None,
    force: bool,
) -> None:
    """Write the provider config: a few questions, all else by default.

    \b
    mops-azure init
    mops-azure init --subscription ID --tenant ID --location eastus2 --registry
    """
    for option, given in (("--subscription", subscription), ("--tenant", tenant), ("--location", location)):
        if given is not None and not given.strip():
            raise UserError(f"{option} is empty; give a value, or leave it out to be asked")
    path = config_file(config_path)
    if os.path.exists(path) and not force:
        raise UserError(f"{path}: it is there already; edit it, or say --force to replace it")
    if None in (subscription, tenant, location, registry) and not sys.stdin.isatty():
        raise UserError(
            "nobody is there to ask; give --subscription, --tenant, --location and --registry or --no-registry"
        )
    content: dict[str, Any] = {
        "version": 1,
        "subscription_id": subscription or click.prompt("Subscription id (`az account show`)", err=True),
        "tenant_id": tenant or click.prompt("Tenant id", err=True),
        "location": location or click.prompt("Location", default="eastus2", err=True),
        "resource_group": "modelops",
        "username": sanitised(getpass.getuser()),
        "auth": "use_azure_cli",
        "acr": {"enabled": click.confirm("A registry?", err=True) if registry is None else registry},
        "aks": {"workload_pool": {"vm_size": "Standard_D4s_v5", "min": 0, "max": 5}},
    }
    try:
        AzureConfig.model_validate(content)
    except ValidationError as error:
        first = mistakes_of(error)[0]
        raise UserError(f"{'.'.join(map(str, first.loc))}: {first.wrong}; {first.right}. Nothing was written") from None
    write_private(path, dumped(content))
    click.echo(f"{path} written; next: mops-azure doctor")
