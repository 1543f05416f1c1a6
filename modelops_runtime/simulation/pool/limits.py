"""Limits of one simulation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one simulation, the same on a laptop and inside a Dask worker."""

    timeout_s: float
    """Wall time from when the simulation starts; `math.inf` for none."""
    memory_bytes: int | None = None
    """Resident memory of the simulation's process with all that it started; None for no limit."""
    threads: int = 1
    """Number of threads for OpenMP, MKL, OpenBLAS and other libraries."""
    env: Mapping[str, str] = field(default_factory=dict, hash=False)
    recycle_after: int | None = None
    """Simulations after which a process is replaced. None: about a thousand, or more so that loading the model costs at
    most a hundredth of the time."""
    load_timeout_s: float = 300.0
    """Wall time for loading the model (its imports), once a process."""

    def __post_init__(self) -> None:
        if not self.timeout_s > 0 or not self.load_timeout_s > 0:
            raise ValueError(f"time limits are above 0, not {self.timeout_s} and {self.load_timeout_s}")
        if self.memory_bytes is not None and self.memory_bytes <= 0:
            raise ValueError(f"memory_bytes is {self.memory_bytes}; it is above 0, or None")
        if self.threads < 1:
            raise ValueError(f"threads is {self.threads}; it is 1 or more")
        if self.recycle_after is not None and self.recycle_after < 1:
            raise ValueError(f"recycle_after is {self.recycle_after}; it is 1 or more, or None")


_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
)


def simulation_environment(base: Mapping[str, str], limits: Limits, marker: str) -> dict[str, str]:
    """The environment of simulations: ours, then the number of threads, then the model's.

    `marker` tells the processes of one executor from all others.
    """
    return {
        **base,
        **dict.fromkeys(_THREAD_VARIABLES, str(limits.threads)),
        # The order of a set of strings must not differ from one process to the next, or the same seed gives two answers.
        "PYTHONHASHSEED": "0",
        # macOS stops a forked process that touches Objective-C, which Accelerate does.
        "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",
        **limits.env,
        MARKER: marker,
    }


MARKER = "MODELOPS_EXECUTOR"
"""Environment variable that every process of an executor carries."""
