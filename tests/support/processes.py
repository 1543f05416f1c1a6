"""Processes that a project's run has started, found by its HOME: to see that none is left."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests.support.projects import Project


def simulations_of(made: Project) -> list[int]:
    """Pids of the fork servers and simulation processes of runs in this project."""
    home = f"HOME={made.env['HOME']}".encode()
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                variables = (entry / "environ").read_bytes().split(b"\0")
                if home in variables and any(v.startswith(b"MODELOPS_EXECUTOR=") for v in variables):
                    found.append(int(entry.name))
    return found
