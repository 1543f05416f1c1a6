"""A connection to a Dask scheduler, in its own event loop."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from distributed import Client, Security
from distributed.comm.core import CommClosedError

from modelops_runtime.contracts.errors import Unreachable, UserError
from modelops_runtime.simulation.dask.scheduler_address import SchedulerAddress
from modelops_runtime.simulation.pool.job import one_line

CONNECT_S = 15.0
"""Seconds to wait for a scheduler's first answer."""

RECONNECT_S = 300.0
"""Seconds to wait for a scheduler that has answered before: its pod may be moving to another node."""

_ADDRESS = re.compile(r"((tcp|tls|ws|wss|ucx|inproc)://)?[^/\s]+:\d+")

T = TypeVar("T")


class LoopThread:
    """An event loop in a thread; runs coroutines for other threads as futures."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """A future whose `cancel` cancels the coroutine."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def close(self) -> None:
        """End the thread and everything that still runs in the loop."""
        self.start(_cancel_others()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=5)


def security_of(target: SchedulerAddress) -> Security | None:
    """The TLS settings; None for a plain address. Raises UserError for an invalid address, and for missing or invalid files."""
    if not _ADDRESS.fullmatch(target.address):
        raise UserError(f"{target.address!r} is not the address of a Dask scheduler; it looks like tcp://host:8786")
    files = {"ca": target.ca, "cert": target.cert, "key": target.key}
    if not target.address.startswith("tls://"):
        if any(files.values()):
            raise UserError(f"{target.address} is not encrypted, yet certificate files are given; use tls://")
        return None
    if missing := [name for name, path in files.items() if path is None]:
        raise UserError(f"{target.address} needs certificate files; {', '.join(missing)} is not given")
    if absent := [str(path) for path in files.values() if path is not None and not path.is_file()]:
        raise UserError(f"no certificate file {', '.join(absent)}")
    return Security(
        require_encryption=True,
        tls_ca_file=str(target.ca),
        tls_client_cert=str(target.cert),
        tls_client_key=str(target.key),
    )


class Connection:
    """A client that reconnects after it was lost. For one event loop."""

    def __init__(
        self, target: SchedulerAddress, *, connect_s: float = CONNECT_S, reconnect_s: float = RECONNECT_S
    ) -> None:
        self.address = target.address
        self._security = security_of(target)
        self._connect_s = connect_s
        self._reconnect_s = reconnect_s
        self._client: Client | None = None
        self._lock = asyncio.Lock()

    async def client(self) -> Client:
        """A client that is connected or reconnecting. Raises Unreachable when the scheduler cannot be reached."""
        async with self._lock:
            if self._client is None:
                self._client = await self._connect()
            elif self._client.status in ("closed", "closing"):
                self._client = await self._connect_again()
            return self._client

    @property
    def connected(self) -> Client | None:
        """The client, if it is connected now."""
        return self._client if self._client is not None and self._client.status == "running" else None

    async def _connect_again(self) -> Client:
        give_up = time.monotonic() + self._reconnect_s
        while True:
            try:
                return await self._connect()
            except Unreachable:
                if time.monotonic() > give_up:
                    raise

    async def _connect(self) -> Client:
        client: Any = Client(  # Any: its types do not know what `asynchronous` makes of it
            self.address,
            asynchronous=True,
            security=self._security,
            timeout=self._connect_s,
            set_as_default=False,
            name="modelops",
        )
        try:
            return await client
        except (OSError, CommClosedError, ValueError, TypeError, RuntimeError) as error:
            await client.close(timeout=0)
            raise Unreachable(self._why(error)) from error
        except asyncio.CancelledError:
            await client.close(timeout=0)
            raise

    def _why(self, error: Exception) -> str:
        if self.address.startswith("tls://"):
            hint = "perhaps it does not speak TLS, or the certificate is of another CA"
        else:
            hint = "perhaps it speaks TLS: then give tls:// and the certificate files"
        text = one_line(str(error)) or type(error).__name__
        return f"no Dask scheduler answers at {self.address} within {self._connect_s:g} s ({text}); {hint}"

    async def close(self) -> None:
        if self._client is not None:
            client: Any = self._client
            await client.close(timeout=2)
