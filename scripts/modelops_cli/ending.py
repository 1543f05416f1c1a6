"""How a command line ends: every error a user can meet is a line on stderr and an exit code."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from typing import NoReturn

import click

from modelops_runtime.contracts.errors import ModelOpsError


def run_to_the_end(
    cli: click.Group, args: Sequence[str] | None, *, name: str, shown: Callable[[str], str], report: str
) -> NoReturn:
    """Run `cli` as the program `name`, and exit.

    `shown` makes an error's line fit to print; `report` says what to do about a defect of ours.
    """
    try:
        code = cli.main(args, prog_name=name, standalone_mode=False)
    except click.exceptions.Exit as error:
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = 130
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = 2
    except click.ClickException as error:
        click.echo(_one_line(error, name), err=True)
        code = error.exit_code if isinstance(error, click.UsageError) else 2
    except ModelOpsError as error:
        for line in str(error).splitlines():
            click.echo(f"{name}: {shown(line)}", err=True)
        code = error.exit_code
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (nobody reads: say nothing more at exit)
        code = 0
    except OSError as error:
        click.echo(f"{name}: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", err=True)
        code = 1
    except Exception as error:
        click.echo(f"{name}: a defect of ModelOps itself: {type(error).__name__}: {error}", err=True)
        click.echo(f"{name}: MOPS_DEBUG=1 shows where; {report}", err=True)
        if os.environ.get("MOPS_DEBUG"):
            raise
        code = 1
    if code == 130:
        _leave(130)
    sys.exit(code if isinstance(code, int) else 0)


def _leave(code: int) -> NoReturn:
    """An exit in the same order as Python's, but for its last step: that takes away threads that are inside of a C++
    library (a connection, say), which then aborts, and the exit code is lost."""
    threading._shutdown()  # pyright: ignore[reportAttributeAccessIssue]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _one_line(error: click.ClickException, name: str) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else name
    message = error.format_message().rstrip(".").replace("\n", " ")
    return f"{command}: {message}; see `{command} --help`"
