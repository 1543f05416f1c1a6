"""Keeps a worker's leases alive, from a thread of its own, so that a busy loop never loses them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from modelops_runtime.contracts.errors import LedgerError
from modelops_runtime.ledger.base import Ledger

_log = logging.getLogger(__name__)


@contextmanager
def renewed_leases(ledger: Ledger, run_id: str, worker: str, lease_s: float) -> Iterator[None]:
    """Renew the leases of `worker` every quarter of `lease_s` seconds, until the block ends."""
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(lease_s / 4):
            try:
                ledger.renew(run_id, worker, lease_s=lease_s)
            except LedgerError as error:
                # A lease that could not be renewed expires; the ledger then refuses its late writes, so nothing is lost.
                _log.warning("leases not renewed: %s", error)

    thread = threading.Thread(target=renew, name="modelops-leases", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
