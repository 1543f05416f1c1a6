"""How far a command is, for people."""

from __future__ import annotations

from collections.abc import Callable

Notify = Callable[[str], None]
"""Takes one line, as soon as there is something to tell."""
