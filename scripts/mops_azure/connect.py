"""Connects to Azure for one config. Azure's packages are imported only here."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from modelops_runtime.contracts.errors import UserError
from mops_azure.config import AzureConfig

if TYPE_CHECKING:
    from mops_azure.transport import ArmClient


Confirm = Callable[[str, str], bool]
"""Gets a warning and the assignment of a variable that trusts the host; returns whether the user agreed."""


def nobody_agrees(_warning: str, _trust: str) -> bool:
    """For a program that has nobody to ask."""
    return False


def connect(config: AzureConfig, *, confirm: Confirm = nobody_agrees) -> ArmClient:
    """`confirm` is asked before a secret is sent to an unknown host.

    Raises UserError if a package of Azure is missing or a host is not confirmed, and what `confirm` raises.
    """
    try:
        from mops_azure.transport import ArmClient
    except ModuleNotFoundError as error:
        raise UserError(f"the package {error.name} is missing; pip install 'modelops[azure]'") from None
    from mops_azure.signin import SENT, TRUSTED_VARIABLE, unknown_hosts

    found = unknown_hosts(config, os.environ.get(TRUSTED_VARIABLE, ""))
    if found:
        named = " and ".join(f"cloud.{key} {host}" for key, host in found.items())
        warning = f"{named}: of none of the known clouds, and {SENT[config.auth.method]} would go there"
        trust = f"{TRUSTED_VARIABLE}={','.join(dict.fromkeys(found.values()))}"
        if not confirm(warning, trust):
            raise UserError(f"{warning}; if you trust it, export {trust}. Nothing was sent")
    return ArmClient(config)
