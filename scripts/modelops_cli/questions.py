"""Questions that both command lines ask."""

from __future__ import annotations

import sys

import click

from modelops_cli.output import echo_line


def confirm_unknown_host(warning: str, trust: str) -> bool:
    """Whether the user agrees to send a secret to a host, which -y does not; False where nobody is there to ask.

    `trust` is the assignment of a variable that makes the question unnecessary. Exits with 130 on no.
    """
    if not sys.stdin.isatty():
        return False
    echo_line(f"{warning} (no question with {trust})", err=True)
    if not click.confirm("Send it there?", err=True):
        echo_line("nothing was sent", err=True)
        raise click.exceptions.Exit(130)
    return True
