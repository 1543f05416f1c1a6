"""Versions of Kubernetes on AKS: their order, upgrades that Azure allows, and the end of their support. Pure."""

from __future__ import annotations

from modelops_runtime.contracts.errors import UserError

SUPPORT_ENDS = {"1.34": "2026-11", "1.35": "2027-03", "1.36": "2027-06"}
"""Minor version -> year and month; from AKS' release calendar as read on 2026-08-21."""


def numbers(version: str) -> tuple[int, ...]:
    """`1.35.6` as (1, 35, 6), which sorts."""
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def end_of_support(version: str) -> str:
    """`2027-03`, or a bound if the month is not in the table."""
    minor = ".".join(version.split(".")[:2])
    return SUPPORT_ENDS.get(minor, "not known to this release of modelops")


def check_upgrade(wanted: str, running: str) -> None:
    """Kubernetes goes up by one minor version at a time, and never down. Raises UserError."""
    to, since = numbers(wanted), numbers(running)
    if not to or not since:
        return
    shown = ".".join(map(str, since))
    if to < since[: len(to)]:
        raise UserError(f"aks.version is {wanted}, below {shown} which runs; a cluster never goes back")
    if to[1] > since[1] + 1:
        raise UserError(
            f"aks.version is {wanted}, more than one minor version above {shown} which runs; go by 1.{since[1] + 1} first"
        )
