"""`mops` or `mops-azure` as a process that is forked from one where the imports are done: as real to kill, and soon there.

An interpreter of its own takes a second of a processor to import what a command needs, a thousand times over all tests.
What only a new interpreter shows (its imports, its seed of hashes, its very end) is tried by `Project.shipped`.
"""

from __future__ import annotations

import atexit
import multiprocessing
import multiprocessing.connection
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.support.patience import PATIENCE_S

PRELOADED = [
    *("numpy", "pandas", "pyarrow.compute", "pyarrow.parquet", "scipy.optimize", "scipy.special", "optuna", "jinja2"),
    *("modelops_runtime.runner.run", "modelops_runtime.api.calibrate", "modelops_runtime.results.report.page"),
    *("mops.cli", "mops.commands.run", "mops.commands.status", "mops.commands.results", "mops.commands.workspace"),
    *("mops.commands.adaptive", "kubernetes", "psycopg"),
    *("azure.identity", "azure.mgmt.containerregistry", "azure.mgmt.containerservice", "azure.mgmt.resource.resources"),
    *(
        "mops_azure.cli",
        "mops_azure.apply",
        "mops_azure.transport",
        "mops_azure.commands.create",
        "mops_azure.commands.delete",
    ),
    "tests.support.forked",
]
_OF_THE_INTERPRETER = ("PYTHON", "LC_", "LANG", "OMP_", "OPENBLAS_", "MKL_", "NUMEXPR_", "DASK_")
"""How variables begin that are read when an interpreter starts, or when a library is loaded."""

_BOOKS = threading.Lock()
"""A start looks after every process that has ended, and an exit code can be read but once: no two threads at a time."""


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Started:
    """A command that runs; what it says is added to the files `stdout` and `stderr` in `said`."""

    process: ForkServerProcess | subprocess.Popen[bytes]
    said: Path

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def exit_code(self, timeout_s: float = PATIENCE_S) -> int | None:
        """Wait for its end; None where it is not over in time."""
        if isinstance(self.process, subprocess.Popen):
            try:
                return self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                return None
        multiprocessing.connection.wait([self.process.sentinel], timeout_s)
        with _BOOKS:
            return self.process.exitcode

    def end(self) -> None:
        """Kill it if it still runs."""
        if self.exit_code(0) is None:
            self.process.kill()
            self.exit_code()


def run(
    program: str,
    args: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    timeout_s: float = PATIENCE_S,
    fresh: bool = False,
) -> Ended:
    """Run `program` (mops, mops_azure) in `folder` and wait for it. Raises TimeoutError where it does not end in time."""
    with tempfile.TemporaryDirectory(prefix="said-") as said:
        started = start(program, args, environment=environment, folder=folder, said=Path(said), fresh=fresh)
        try:
            code = started.exit_code(timeout_s)
        finally:
            started.end()
        out, err = (Path(said, stream).read_text() for stream in ("stdout", "stderr"))
    if code is None:
        raise TimeoutError(f"{program} {' '.join(args)} does not end; it said {out!r} and {err!r}")
    return Ended(code, out, err)


def start(
    program: str,
    args: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    said: Path,
    fresh: bool = False,
) -> Started:
    """Start the command line `args` in `folder`; if `fresh`, or where a forked one differs, by an interpreter."""
    for stream in ("stdout", "stderr"):
        (said / stream).touch()
    if fresh or not is_the_same(environment):
        return Started(_interpreter(program, args, environment, folder, said), said)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    given = (program, list(args), dict(environment), str(folder), str(said), search_path())
    process = context.Process(target=_run, args=given)
    with _BOOKS:
        process.start()
    return Started(process, said)


def is_the_same(environment: Mapping[str, str]) -> bool:
    """Whether a forked process may stand for a new one: on Linux, with the variables that the first had when it started."""
    return sys.platform == "linux" and _read_at_start(environment) == _BEGUN_WITH


@cache
def search_path() -> tuple[str, ...]:
    """sys.path of a new interpreter: without what pytest and the tests have put there."""
    told = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.path, sep='\\n')"], capture_output=True, text=True, check=True
    )
    return tuple(told.stdout.splitlines())


def _read_at_start(environment: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(pair for pair in environment.items() if pair[0].startswith(_OF_THE_INTERPRETER))


_BEGUN_WITH = _read_at_start(os.environ)


def _interpreter(
    program: str, args: Sequence[str], environment: Mapping[str, str], folder: Path, said: Path
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", f"from {program}.cli import main; main()", *args]
    with (said / "stdout").open("ab") as out, (said / "stderr").open("ab") as err:
        return subprocess.Popen(
            command, cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )


def _run(
    program: str, args: list[str], environment: dict[str, str], folder: str, said: str, path: Sequence[str]
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.path[:] = path
    sys.argv[:] = ["-c", *args]
    for name, number in (("/dev/null", 0), (f"{said}/stdout", 1), (f"{said}/stderr", 2)):
        file = os.open(name, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    try:
        import_module(f"{program}.cli").main()
    finally:
        # A process of multiprocessing's leaves them out.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
