"""All commands of `mops`, with the examples in their help. Those of Azure are `mops-azure`'s: tests/azure has them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from inspect import cleandoc

import click

from mops.cli import cli

AZURE = {"infra", "destroy"}
"""The Azure plane's, told in docs/azure.md and tried in tests/azure."""


def commands(path: tuple[str, ...] = ("mops",), of: click.Command = cli) -> Iterator[tuple[str, click.Command]]:
    """(`mops results ls`, its command), of all that can be called; groups come before their own."""
    yield " ".join(path), of
    if isinstance(of, click.Group):
        context = click.Context(of)
        for name in sorted(set(of.list_commands(context)) - AZURE, key=of.list_commands(context).index):
            command = of.get_command(context, name)
            assert command is not None
            yield from commands((*path, name), command)


def examples(command: click.Command) -> list[str]:
    """The lines of its help that are shown as they are; without what some of them say after two spaces."""
    blocks = [part for part in cleandoc(command.help or "").split("\n\n") if part.startswith("\b")]
    return [line.split("  ")[0] for block in blocks for line in block.splitlines()[1:]]


def parse(line: str) -> str:
    """Parse a line `mops ...` as click would; returns the command's path. Raises ClickException for what it would refuse."""
    words = list(shlex.shlex(line, posix=True, punctuation_chars="|><;"))
    ends = [at for at, word in enumerate(words) if set(word) <= set("|><;")]
    words = shlex.split(line)[1 : ends[0] if ends else None]
    command: click.Command = cli
    context, path = None, ["mops"]
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(click.Context(command, info_name=path[-1], parent=context), words)
        assert name is not None
        assert found is not None
        path.append(name)
        command = found
    command.make_context(path[-1], words, parent=context)
    return " ".join(path)
