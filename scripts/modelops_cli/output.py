"""Output of a command line: lines for people, JSON for programs, as plain text (`plain_text`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from modelops_runtime.contracts.plain_text import json_text, plain_line


def echo_line(line: object, *, err: bool = False) -> None:
    """Print one line; line ends in it are escaped, so that a name cannot imitate our output."""
    click.echo(plain_line(str(line)), err=err)


def echo_lines(lines: Iterable[object], *, err: bool = False) -> None:
    """Lines, written at once."""
    click.echo("\n".join(plain_line(str(line)) for line in lines), err=err)


def echo_json(value: Any, *, indent: int | None = None) -> None:
    """JSON on standard output: one line, unless `indent` says otherwise."""
    click.echo(json_text(value, indent=indent))
