"""The `mops-azure` command: a thin group whose commands load only when they are used."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

import click

from modelops_runtime.contracts.errors import ModelOpsError

COMMANDS = {
    "init": "Write the provider config by asking.",
    "doctor": "Check sign-in, rights, quota, versions and names, each finding with its remedy.",
    "plan": "Show what `create` would do; nothing is changed.",
    "create": "Make the cluster, or change it to what the config says.",
    "status": "Show what is there: pools, versions, cost an hour.",
    "kubeconfig": "Fetch the cluster's kubeconfig.",
    "stop": "Stop the cluster: its nodes cost nothing, its data stays.",
    "start": "Start a stopped cluster.",
    "delete": "Delete everything that `create` made.",
    "registry": "The registry of images and bundles, which outlives clusters.",
}
"""Name -> short help; the command `x` is `command` in the module `mops_azure.commands.x`."""


def load(name: str) -> click.Command:
    command = importlib.import_module(f"mops_azure.commands.{name}").command
    assert isinstance(command, click.Command)
    return command


class LazyGroup(click.Group):
    """Lists its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return load(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="modelops", prog_name="mops-azure")
def cli() -> None:
    """A cluster on Azure for ModelOps, from an empty subscription, and back.

    \b
    mops-azure init      write ~/.modelops/providers/azure.yaml
    mops-azure doctor    what is missing before it can work
    mops-azure create    plan, question, progress; safe to run again
    mops-azure delete    the same backwards
    """


def _one_line(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "mops-azure"
    message = error.format_message().rstrip(".").replace("\n", " ")
    return f"{command}: {message}; see `{command} --help`"


def main(args: Sequence[str] | None = None) -> None:
    """The entry point: every error a user can meet ends as a line on stderr and an exit code."""
    try:
        code = cli.main(args, prog_name="mops-azure", standalone_mode=False)
    except click.exceptions.Exit as error:
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = 130
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = 2
    except click.ClickException as error:
        click.echo(_one_line(error), err=True)
        code = 2
    except ModelOpsError as error:
        for line in str(error).splitlines():
            click.echo(f"mops-azure: {line}", err=True)
        code = error.exit_code
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (nobody reads: say nothing more at exit)
        code = 0
    except OSError as error:
        click.echo(f"mops-azure: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", err=True)
        code = 1
    except Exception as error:
        click.echo(f"mops-azure: a defect of ModelOps itself: {type(error).__name__}: {error}", err=True)
        click.echo("mops-azure: MOPS_DEBUG=1 shows where; please report it", err=True)
        if os.environ.get("MOPS_DEBUG"):
            raise
        code = 1
    sys.exit(code if isinstance(code, int) else 0)
