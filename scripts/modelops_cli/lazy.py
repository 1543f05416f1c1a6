"""A group whose commands load only when they are used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click


def load(package: str, name: str) -> click.Command:
    """`command` in the module `PACKAGE.commands.NAME`."""
    command = importlib.import_module(f"{package}.commands.{name}").command
    assert isinstance(command, click.Command)
    return command


def lazy_group(package: str, commands: Mapping[str, str]) -> type[click.Group]:
    """Of `package`'s commands, name -> short help: lists them without importing them."""

    class LazyGroup(click.Group):
        def list_commands(self, ctx: click.Context) -> list[str]:
            return list(commands)

        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
            return load(package, cmd_name) if cmd_name in commands else None

        def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
            with formatter.section("Commands"):
                formatter.write_dl(list(commands.items()))

    return LazyGroup
