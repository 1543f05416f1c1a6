"""Progress messages for people."""

from __future__ import annotations

from collections.abc import Callable

Notify = Callable[[str], None]
"""Receives one line of progress."""
