"""What the exit of a simulation's process means for the simulation: pure decisions."""

from __future__ import annotations

import math
import signal

from modelops_runtime.contracts.failures import Failure, FailureKind
from modelops_runtime.simulation.pool import wire
from modelops_runtime.simulation.pool.worker import CONNECTION_GONE

_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
"""Signals that a model does not send to itself by accident."""


def failure_of_exit(exit_code: int, cause: int, *, memory_bytes: int | None, loading: bool) -> Failure:
    """Why a process ended during a run. `exit_code` is negative for a signal; `cause` is one of wire's."""
    when = "while the model was loading" if loading else "in mid-run"
    if cause == wire.OVER_MEMORY:
        return Failure(FailureKind.OUT_OF_MEMORY, f"needed more than {_size(memory_bytes)} of memory {when}")
    if cause == wire.KERNEL_OOM:
        return Failure(FailureKind.OUT_OF_MEMORY, f"killed by the system for want of memory {when}")
    if exit_code == CONNECTION_GONE:
        return Failure(FailureKind.MODEL_ERROR, f"the model closed files that are not its own {when}")
    if exit_code >= 0:
        return Failure(FailureKind.MODEL_ERROR, f"the simulation's process ended with exit code {exit_code} {when}")
    name = _signal_name(-exit_code)
    if -exit_code in _FROM_OUTSIDE:
        return Failure(FailureKind.LOST, f"the simulation's process was killed from outside by {name} {when}")
    return Failure(FailureKind.MODEL_ERROR, f"the simulation's process was killed by {name} {when}")


def too_slow(limit_s: float, *, loading: bool) -> Failure:
    """The failure of an item that exceeded its time limit."""
    what = "loading the model took" if loading else "took"
    return Failure(FailureKind.TIMEOUT, f"{what} longer than {limit_s:g} s")


def supervisor_lost() -> Failure:
    """The failure of items that ran when the fork server was killed."""
    return Failure(FailureKind.LOST, "the process that watches over the simulations was killed")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _size(count: int | None) -> str:
    if not count:
        return "its limit"
    power = min(int(math.log2(count) // 10), 4)
    return f"{count / 1024**power:.4g} {('bytes', 'KiB', 'MiB', 'GiB', 'TiB')[power]}"
