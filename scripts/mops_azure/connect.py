"""Connects to Azure for one config. Azure's packages are imported only here."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from modelops_runtime.contracts.errors import UserError
from mops_azure.config import AzureConfig

if TYPE_CHECKING:
    from mops_azure.transport import ArmClient


def refuse(warning: str, trust: str) -> None:
    """Refuses without asking. Raises UserError."""
    raise UserError(f"{warning}; if you trust it, export {trust}. Nothing was sent")


def connect(config: AzureConfig, *, confirm: Callable[[str, str], None] = refuse) -> ArmClient:
    """Before a secret is sent to an unknown host, `confirm` gets a warning and the variable that trusts the host.
    Raises UserError if a package of Azure is missing, or as `confirm` does."""
    try:
        from mops_azure.transport import ArmClient
    except ModuleNotFoundError as error:
        raise UserError(f"the package {error.name} is missing; pip install 'modelops[azure]'") from None
    from mops_azure.signin import SENT, TRUSTED_VARIABLE, unknown_hosts

    found = unknown_hosts(config, os.environ.get(TRUSTED_VARIABLE, ""))
    if found:
        named = " and ".join(f"cloud.{key} {host}" for key, host in found.items())
        warning = f"{named}: of none of the known clouds, and {SENT[config.auth.method]} would go there"
        confirm(warning, f"{TRUSTED_VARIABLE}={','.join(dict.fromkeys(found.values()))}")
    return ArmClient(config)
