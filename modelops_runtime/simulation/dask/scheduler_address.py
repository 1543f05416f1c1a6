"""The address of a Dask scheduler, and its TLS files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerAddress:
    """A Dask scheduler; `ca`, `cert` and `key` are PEM files, given for tls://."""

    address: str
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
