"""Ends a command line: every error is a line on stderr and an exit code."""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import sys
import threading
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from modelops_cli.output import echo_line, echo_lines
from modelops_runtime.contracts.errors import ModelOpsError
from modelops_runtime.contracts.plain_text import plain_line, plain_streams

LONGEST = 4_000
"""The most characters of an error's line."""


def run_command_line(cli: click.Group, args: Sequence[str] | None, *, name: str, report: str) -> NoReturn:
    """Run `cli` as the program `name`, and exit. All that it writes passes the filter for plain text.

    `report` says what to do about a defect of ours.
    """
    _escape_what_cannot_be_written()
    with plain_streams():
        code = _code_of(cli, args, name, report)
        if code == 130:
            _leave(130)
        sys.exit(code)


def _code_of(cli: click.Group, args: Sequence[str] | None, name: str, report: str) -> int:
    """The exit code of the command; its error is printed."""
    try:
        code = cli.main(args, prog_name=name, standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        echo_line(_one_line(error, name), err=True)
        return error.exit_code if isinstance(error, click.UsageError) else 2
    except ModelOpsError as error:
        echo_lines((f"{name}: {line}" for line in _lines(error)), err=True)
        return error.exit_code
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (nobody reads: say nothing more at exit)
        return 0
    except OSError as error:
        echo_line(f"{name}: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", err=True)
        return 1
    except Exception as error:
        echo_line(f"{name}: a defect of ModelOps itself: {type(error).__name__}: {error}"[:LONGEST], err=True)
        echo_line(f"{name}: MOPS_DEBUG=1 shows where; {report}", err=True)
        if os.environ.get("MOPS_DEBUG"):
            traceback.print_exc()
        return 1


def _escape_what_cannot_be_written() -> None:
    """Write characters that a stream's encoding lacks as escapes instead of raising."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _lines(error: ModelOpsError) -> list[str]:
    """Its lines, cut, since they may quote text of others."""
    return [plain_line(line, limit=LONGEST) for line in str(error).split("\n")]


def _leave(code: int) -> NoReturn:
    """Exit in the same order as Python, except for its last step, which stops threads inside a C++
    library (such as a connection); that aborts, and the exit code is lost."""
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
