"""The randomness of algorithms: it depends on the search's seed and on what is drawn, never on earlier draws."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np


def derived_seed(seed: int, purpose: str, draw: int) -> int:
    """A 32-bit seed (legacy generators accept no more) that depends on every argument."""
    digest = blake2b(f"{purpose}:{seed}:{draw}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little")


def generator(seed: int, purpose: str, draw: int = 0) -> np.random.Generator:
    """The generator for one purpose and draw."""
    return np.random.Generator(np.random.PCG64(derived_seed(seed, purpose, draw)))
