"""`mops-azure` as a process that is forked from one where the imports are done: as real to kill, and soon there."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import sys
import threading
from collections.abc import Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

PRELOADED = [
    "azure.identity",
    "azure.mgmt.containerregistry",
    "azure.mgmt.containerservice",
    "azure.mgmt.resource.resources",
    "mops_azure.cli",
    "mops_azure.apply",
    "mops_azure.arm",
    "mops_azure.commands.create",
    "mops_azure.commands.delete",
    "tests.azure.forked",
]

_BOOKS = threading.Lock()
"""A start looks after every process that has ended, and an exit code can be read but once: no two threads at a time."""


def start(
    args: Sequence[str], *, environment: dict[str, str], folder: Path, said: Path | None = None
) -> ForkServerProcess:
    """Runs the command line `args` in `folder`; what it says is added to the files `stdout` and `stderr` in `said`, or there."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=_run, args=(list(args), environment, str(folder), str(said or folder)))
    with _BOOKS:
        process.start()
    return process


def exit_code(process: ForkServerProcess, *, timeout_s: float) -> int | None:
    """Waits for its end; None where it is not over in time."""
    multiprocessing.connection.wait([process.sentinel], timeout_s)
    with _BOOKS:
        return process.exitcode


def _run(args: list[str], environment: dict[str, str], folder: str, said: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for name, number in (("/dev/null", 0), (f"{said}/stdout", 1), (f"{said}/stderr", 2)):
        file = os.open(name, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(file, number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    from mops_azure.cli import main

    main(args)
