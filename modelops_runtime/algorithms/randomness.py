"""Where an algorithm's randomness comes from: the search's seed and what is drawn, never what was drawn before."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np


def derived_seed(seed: int, purpose: str, draw: int) -> int:
    """32 bits (legacy generators take no more) that differ with each argument."""
    digest = blake2b(f"{purpose}:{seed}:{draw}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little")


def generator(seed: int, purpose: str, draw: int = 0) -> np.random.Generator:
    """A generator of its own for one purpose and draw."""
    return np.random.Generator(np.random.PCG64(derived_seed(seed, purpose, draw)))
