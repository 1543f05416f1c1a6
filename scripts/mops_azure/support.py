"""When Azure's support of a minor version of Kubernetes ends; from AKS' release calendar as read on 2026-08-21."""

from __future__ import annotations

SUPPORT_ENDS = {"1.34": "2026-11", "1.35": "2027-03", "1.36": "2027-06"}
"""Minor version -> year and month."""


def end_of_support(version: str) -> str:
    """`2027-03`, or a bound if the month is not in the table."""
    minor = ".".join(version.split(".")[:2])
    return SUPPORT_ENDS.get(minor, "not known to this release of modelops")
