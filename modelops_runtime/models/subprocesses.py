"""Runs a program to its end and leaves none of its processes behind."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence

from modelops_runtime.contracts.failures import BadOutput
from modelops_runtime.models.errors import CommandFailed
from modelops_runtime.models.tables import MAX_BYTES

_TAIL = 8_192
"""How many of the last bytes of output are kept."""
_LOOK_S = 0.1
"""Seconds between checks whether the program has ended while its children hold the pipes, and then for reading the rest."""


def run_process(arguments: Sequence[str], *, shown: str, cwd: str, env: Mapping[str, str], keep_output: bool) -> bytes:
    """Wait for the program; returns its standard output if `keep_output`; otherwise that goes where ours goes, like its errors.

    It leads its own process group, which is killed at the end. Raises CommandFailed unless it exits with 0 and
    BadOutput when it prints more than an output may hold.
    """
    process = _start(arguments, shown=shown, cwd=cwd, env=env, keep_output=keep_output)
    try:
        printed, errors = _read(process, shown)
        code = process.wait()
    finally:
        _end(process)
    if code != 0:
        _forward(1, bytes(printed[-_TAIL:]))
        last = _last_line(errors)
        raise CommandFailed(f"{shown}: {_how_it_ended(code)}" + (f": {last}" if last else ""))
    return bytes(printed)


def _start(
    arguments: Sequence[str], *, shown: str, cwd: str, env: Mapping[str, str], keep_output: bool
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            arguments,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if keep_output else None,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise CommandFailed(f"{shown}: cannot be started: {error.strerror}") from error


def _read(process: subprocess.Popen[bytes], shown: str) -> tuple[bytearray, bytearray]:
    """All of standard output (if kept), and the end of standard error, which is passed on as it comes."""
    printed, errors = bytearray(), bytearray()
    until: float | None = None
    with selectors.DefaultSelector() as selector:
        for stream in filter(None, (process.stdout, process.stderr)):
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map() and (until is None or time.monotonic() < until):
            ready = selector.select(_LOOK_S)
            for key, _ in ready:
                data = os.read(key.fd, 65_536)
                if not data:
                    selector.unregister(key.fileobj)
                elif key.fileobj is process.stderr:
                    _forward(2, data)
                    errors = (errors + data)[-_TAIL:]
                else:
                    printed += data
            if len(printed) > MAX_BYTES:
                raise BadOutput(f"{shown}: it printed more than {MAX_BYTES / 2**20:,.0f} MiB of output")
            if until is None and process.poll() is not None:
                until = time.monotonic() + _LOOK_S
    return printed, errors


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in filter(None, (process.stdout, process.stderr)):
        stream.close()


def _forward(fd: int, data: bytes) -> None:
    with contextlib.suppress(OSError):
        os.write(fd, data)


def _last_line(errors: bytearray) -> str:
    lines = [line.strip() for line in errors.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1][:500] if lines else ""


def _how_it_ended(code: int) -> str:
    if code > 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
