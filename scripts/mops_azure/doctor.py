"""What is missing before it can work: each finding with its remedy."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from mops_azure import desired
from mops_azure.config import AzureConfig

if TYPE_CHECKING:
    from mops_azure.arm import Arm

PROVIDERS = "2025-04-01"


def unregistered(arm: Arm, config: AzureConfig) -> list[str]:
    """Resource providers that the subscription does not have yet."""
    base = f"/subscriptions/{config.subscription_id}/providers"
    states = {
        name: (arm.get(f"{base}/{name}", PROVIDERS, f"reading the provider {name}") or {}).get("registrationState")
        for name in desired.providers(config)
    }
    return [name for name, state in states.items() if str(state).lower() != "registered"]


def register_providers(arm: Arm, config: AzureConfig, say: Callable[[str], None], *, for_s: float = 600) -> None:
    """Register what is missing and wait; the SDK's own policy for it does not work for long operations."""
    base = f"/subscriptions/{config.subscription_id}/providers"
    missing = unregistered(arm, config)
    for name in missing:
        say(f"provider {name}: registering")
        arm.send("POST", f"{base}/{name}/register", PROVIDERS, f"registering the provider {name}")
    pause, end = 0.3, time.monotonic() + for_s
    while missing and time.monotonic() < end:
        time.sleep(pause)
        missing = unregistered(arm, config)
        pause = min(pause * 1.5, 10)
