"""`mops completion`: the script by which a shell completes `mops`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the script by which SHELL completes commands, options, their values, and the names of runs.

    Bash must be 4.4 or later (that of macOS is not). What a line here does lasts as long as the shell:
    put it into ~/.bashrc or ~/.zshrc to keep it.

    \b
    eval "$(mops completion bash)"
    eval "$(mops completion zsh)"
    mops completion fish > ~/.config/fish/completions/mops.fish
    """
    completion = get_completion_class(shell)
    assert completion is not None
    click.echo(completion(click.get_current_context().find_root().command, {}, "mops", "_MOPS_COMPLETE").source())
