"""`mops destroy`."""

from mops.commands.infra import destroy as command

__all__ = ["command"]
