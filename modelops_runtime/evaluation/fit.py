"""Aligned values as stored bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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
