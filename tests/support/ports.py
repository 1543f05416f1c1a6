"""Ports for servers of the tests."""

from __future__ import annotations

import random
import socket

_BELOW_THE_SYSTEMS_OWN = range(10_000, 32_000)
"""Linux gives connections ports from 32768 on: one of those might be somebody's before our server has it, or again."""


def free_port() -> int:
    """One of 127.0.0.1 that nobody has, and that the system gives to nobody."""
    while True:
        port = random.SystemRandom().choice(_BELOW_THE_SYSTEMS_OWN)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
