"""Helm releases as aligned lines."""

from __future__ import annotations

from collections.abc import Sequence

from mops.cluster.helm import Release
from mops.terminal.text import aligned


def release_lines(what: str, releases: Sequence[Release], *, none: str) -> list[str]:
    """One line per release, with `what` in the head; `none` if there are none."""
    if not releases:
        return [none]
    rows = [(what, "NAMESPACE", "STATUS", "REVISION", "UPDATED (UTC)")]
    rows += [
        (one.name, one.namespace, one.status, str(one.revision), f"{one.updated:%Y-%m-%d %H:%M:%S}") for one in releases
    ]
    return aligned(rows)
