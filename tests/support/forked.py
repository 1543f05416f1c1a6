"""`mops` or `mops-azure` as a process that is forked from one where the imports are done: as real to kill, and soon there.

An interpreter of its own takes a second of a processor to import what a command needs, thousands of times over all tests.
"""

from __future__ import annotations

import atexit
import multiprocessing
import multiprocessing.connection
import os
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.support.patience import PATIENCE_S

PRELOADED = [
    *("numpy", "pandas", "pyarrow.compute", "pyarrow.parquet", "scipy.optimize", "scipy.special", "optuna", "jinja2"),
    *("modelops_runtime.runner.run", "modelops_runtime.api.calibrate", "modelops_runtime.results.report"),
    *("mops.cli", "mops.commands.run", "mops.commands.status", "mops.commands.results", "mops.commands.workspace"),
    *("mops.commands.adaptive", "kubernetes", "psycopg"),
    *("azure.identity", "azure.mgmt.containerregistry", "azure.mgmt.containerservice", "azure.mgmt.resource.resources"),
    *(
        "mops_azure.cli",
        "mops_azure.apply",
        "mops_azure.arm",
        "mops_azure.commands.create",
        "mops_azure.commands.delete",
    ),
    "tests.support.forked",
]

IS_POSSIBLE = sys.platform == "linux"
"""Elsewhere a process that was forked may not use the system's own libraries."""

_BOOKS = threading.Lock()
"""A start looks after every process that has ended, and an exit code can be read but once: no two threads at a time."""


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str


def run(
    program: str, args: Sequence[str], *, environment: Mapping[str, str], folder: Path, timeout_s: float = PATIENCE_S
) -> Ended:
    """Run `program` (mops, mops_azure) in `folder` and wait for it. Raises TimeoutError, and kills it, where it does not end."""
    with tempfile.TemporaryDirectory(prefix="said-") as name:
        said = Path(name)
        process = start(program, args, environment=environment, folder=folder, said=said)
        code = exit_code(process, timeout_s=timeout_s)
        texts = [(said / stream).read_text(errors="backslashreplace") for stream in ("stdout", "stderr")]
        if code is None:
            process.kill()
            raise TimeoutError(f"{program} {' '.join(args)} does not end: {texts}")
        return Ended(code, *texts)


def start(
    program: str, args: Sequence[str], *, environment: Mapping[str, str], folder: Path, said: Path
) -> ForkServerProcess:
    """Start the command line `args` in `folder`; what it says is added to the files `stdout` and `stderr` in `said`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    for stream in ("stdout", "stderr"):
        (said / stream).touch()
    process = context.Process(target=_run, args=(program, list(args), dict(environment), str(folder), str(said)))
    with _BOOKS:
        process.start()
    return process


def exit_code(process: ForkServerProcess, *, timeout_s: float) -> int | None:
    """Wait for its end; None where it is not over in time."""
    multiprocessing.connection.wait([process.sentinel], timeout_s)
    with _BOOKS:
        return process.exitcode


def _run(program: str, args: list[str], environment: dict[str, str], folder: str, said: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    for name, number in (("/dev/null", 0), (f"{said}/stdout", 1), (f"{said}/stderr", 2)):
        file = os.open(name, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.argv[:] = [program, *args]
    try:
        import_module(f"{program}.cli").main()
    finally:
        # A process of multiprocessing's leaves them out.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
