"""The `mops` command: a thin group whose commands load only when they are used."""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence

import click

from modelops_runtime.contracts.errors import ModelOpsError
from mops.text import printable

COMMANDS = {
    "init": "Write a small project that runs as it is, to begin from.",
    "run": "Calibrate: run the search of a spec, here or on Dask.",
    "check": "Try a spec: is it sound, does its model run, how long will it take?",
    "selftest": "Does a spec identify its parameters? Calibrate data with known ones.",
    "status": "Show where a run stands.",
    "extend": "Raise a run's budget of trials.",
    "enqueue": "Give a run parameter sets to try next.",
    "pause": "Let a run's workers take on no further trial.",
    "resume": "End a pause.",
    "report": "Write a run as one HTML page, and its figures.",
    "results": "List runs, show their answers, export their results.",
    "replay": "Simulate recorded replicates again: is the output identical?",
    "rescore": "Score a run's stored values by another loss, without a simulation.",
    "workspace": "Dask on a cluster: up, status, ls, scale, logs, down.",
    "adaptive": "A run on a cluster: up, status, logs, results, down.",
    "dashboard": "Dask's dashboard of a workspace, on this machine.",
    "doctor": "Is a cluster fit for workspaces and runs? Each finding with its remedy.",
    "infra": "A cluster on Azure: up, status, down, doctor.",
    "destroy": "Take away everything that ModelOps has in Azure.",
    "schema": "Print the JSON Schema of a spec, for editors.",
    "completion": "Print the script by which a shell completes mops.",
}
"""Name -> short help; the command `x` is `command` in the module `mops.commands.x`."""


class LazyGroup(click.Group):
    """Lists its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"mops.commands.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="modelops", prog_name="mops")
def cli() -> None:
    """Calibrate stochastic simulation models.

    \b
    mops init beetles                      a project to begin from
    mops run --spec adaptive.yaml          search the parameters of a model
    mops status RUN                        see where it stands
    mops report RUN                        one page with figures, intervals, failures
    mops results export RUN --to results   Parquet files for pandas, polars, R
    """


def _one_line(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "mops"
    message = error.format_message().rstrip(".").replace("\n", " ")
    return f"{command}: {message}; see `{command} --help`"


def _escape_what_cannot_be_written() -> None:
    """A letter that the encoding of a stream has not is written as an escape, and stops nothing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main(args: Sequence[str] | None = None) -> None:
    """The entry point: every error a user can meet ends as a line on stderr and an exit code."""
    _escape_what_cannot_be_written()
    try:
        code = cli.main(args, prog_name="mops", standalone_mode=False)
    except click.exceptions.Exit as error:
        code = error.exit_code
    except click.Abort:
        code = 130
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = 2
    except click.ClickException as error:
        click.echo(_one_line(error), err=True)
        code = 2
    except KeyboardInterrupt:
        code = 130
    except ModelOpsError as error:
        for line in str(error).splitlines():
            click.echo(f"mops: {printable(line)}", err=True)
        code = error.exit_code
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (nobody reads: say nothing more at exit)
        code = 0
    except OSError as error:
        click.echo(f"mops: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", err=True)
        code = 1
    except Exception as error:
        click.echo(f"mops: a defect of ModelOps itself: {type(error).__name__}: {error}", err=True)
        click.echo("mops: MOPS_DEBUG=1 shows where; please report it with the spec", err=True)
        if os.environ.get("MOPS_DEBUG"):
            raise
        code = 1
    sys.exit(code if isinstance(code, int) else 0)
