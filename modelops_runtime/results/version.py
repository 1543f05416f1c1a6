"""Which ModelOps made a file."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def modelops_version() -> str:
    """Of the installed package; `unknown` when it runs from a bare folder."""
    try:
        return version("modelops")
    except PackageNotFoundError:
        return "unknown"
