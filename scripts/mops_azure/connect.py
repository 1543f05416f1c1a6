"""The way to Azure for one config. Azure's packages are imported here, and not before."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from modelops_runtime.contracts.errors import UserError
from mops_azure.config import AzureConfig

if TYPE_CHECKING:
    from mops_azure.transport import ArmClient


def refuse(warning: str, trust: str) -> None:
    """For who has nobody to ask. Raises UserError."""
    raise UserError(f"{warning}; if you trust it, export {trust}. Nothing was sent")


def connect(config: AzureConfig, *, confirm: Callable[[str, str], None] = refuse) -> ArmClient:
    """Before a secret goes to a host of no known cloud, `confirm` is told what would go where, and the variable that trusts it.
    Raises UserError where a package of Azure is missing, or as `confirm` does."""
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
