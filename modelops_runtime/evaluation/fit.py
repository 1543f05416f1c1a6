"""Aligned values as stored bytes.

A simulation has N, one for each observation. A run of a particle filter has 2 N: the values of one particle, then the
log-likelihood that each observation adds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from modelops_runtime.statistics.array import Array


def to_bytes(aligned: Array) -> bytes:
    """Aligned values [observations] as float64, little-endian."""
    return aligned.astype("<f8", copy=False).tobytes()


def stack(rows: Sequence[bytes]) -> Array:
    """Aligned values of several replicates, [replicates, observations]. Raises ValueError when their lengths differ."""
    if len({len(row) for row in rows}) > 1:
        raise ValueError("replicates with different numbers of observations")
    width = len(rows[0]) // 8 if rows else 0
    return np.frombuffer(b"".join(rows), dtype="<f8").reshape(len(rows), width).astype(np.float64, copy=False)


def stack_with_failed(rows: Sequence[bytes | None]) -> Array:
    """The same with a row of infinities for each None: a replicate that failed, which counts as a likelihood of 0.

    Aligned values are never infinite. Raises ValueError if all failed.
    """
    size = next((len(row) for row in rows if row is not None), None)
    if size is None:
        raise ValueError("all replicates failed")
    failed = np.full(size // 8, np.inf, dtype="<f8").tobytes()
    return stack([failed if row is None else row for row in rows])


def are_failed(values: Array) -> NDArray[np.bool_]:
    """Which replicates of `values` [R, N] failed, [R]."""
    return np.isposinf(values[:, 0])


def simulated_part(row: bytes, observations: int) -> bytes:
    """The simulated values [observations] of one replicate, whether or not it is a run of a particle filter."""
    return row[: 8 * observations]


def holds_increments(row: bytes, observations: int) -> bool:
    """Whether a replicate that `is_whole` is a run of a particle filter."""
    return len(row) > 8 * observations


def is_whole(row: bytes, observations: int) -> bool:
    """Whether a replicate has values for so many observations."""
    return observations > 0 and len(row) in (8 * observations, 16 * observations)


def increments_of(values: Array) -> Array:
    """What each observation adds to the log-likelihood, [R, N], of runs of a particle filter [R, 2 N]."""
    return values[:, values.shape[1] // 2 :]
