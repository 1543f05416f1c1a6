"""How large the tests are that only gain in certainty by it: small in CI and on a laptop, full by `make test-full`."""

from __future__ import annotations

import os
from typing import TypeVar

Size = TypeVar("Size")

FULL = os.environ.get("MODELOPS_TEST_SIZE") == "full"


def size(small: Size, *, full: Size) -> Size:
    """What MODELOPS_TEST_SIZE asks for: `small` unless it is "full"."""
    return full if FULL else small
