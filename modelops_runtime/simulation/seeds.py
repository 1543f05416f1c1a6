"""The seed of each replicate: it depends only on the parameter set (or the run) and the replicate's index."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from modelops_runtime.contracts.parameters import UniqueParameterSet


def seed_of(text: str) -> int:
    """The first 8 bytes, little-endian, of BLAKE2b(text, digest_size=8): 0 to 2**64 - 1."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def seeds_for(
    parameter_set: UniqueParameterSet, indices: Iterable[int], *, common: bool, run_seed: int
) -> dict[int, int]:
    """Replicate index -> seed.

    `common`: common random numbers; the seed is that of `crn:{run_seed}:{index}`, so that all sets share the noise;
    otherwise that of `{param_id}:{index}`.
    """
    prefix = f"crn:{run_seed}" if common else parameter_set.param_id
    return {index: seed_of(f"{prefix}:{index}") for index in indices}
