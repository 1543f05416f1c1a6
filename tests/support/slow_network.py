"""A network between us and a server that takes its time: a proxy in a process of its own, which counts round trips."""

from __future__ import annotations

import multiprocessing
import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SlowNetwork:
    """A proxy that listens on `port` of this machine."""

    port: int
    _trips: Any

    @property
    def round_trips(self) -> int:
        """How often a client spoke after its server had, on all connections so far."""
        return self._trips.value


@contextmanager
def slow_network(to_port: int, *, delay_s: float) -> Iterator[SlowNetwork]:
    """Whatever is sent to its port, and what comes back, arrives `delay_s` seconds later."""
    context = multiprocessing.get_context("fork")
    listener = socket.create_server(("127.0.0.1", 0))
    trips = context.Value("q", 0)
    process = context.Process(target=_serve, args=(listener, to_port, delay_s, trips), daemon=True)
    process.start()
    try:
        yield SlowNetwork(listener.getsockname()[1], trips)
    finally:
        process.terminate()
        process.join()
        listener.close()


def _serve(listener: socket.socket, to_port: int, delay_s: float, trips: Any) -> None:
    while True:
        client, _ = listener.accept()
        server = socket.create_connection(("127.0.0.1", to_port))
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answered = threading.Event()
        answered.set()

        def asks(answered: threading.Event = answered) -> None:
            if answered.is_set():
                answered.clear()
                with trips.get_lock():
                    trips.value += 1

        _carry(client, server, delay_s, asks)
        _carry(server, client, delay_s, answered.set)


def _carry(source: socket.socket, target: socket.socket, delay_s: float, note: Any) -> None:
    """Bring what `source` says to `target`; `note` is called for each piece."""
    pieces: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()

    def read() -> None:
        data = b"more"
        while data:
            try:
                data = source.recv(1 << 16)
            except OSError:
                data = b""
            if data:
                note()
            pieces.put((time.monotonic() + delay_s, data))

    def write() -> None:
        while True:
            due, data = pieces.get()
            time.sleep(max(0.0, due - time.monotonic()))
            with suppress(OSError):
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(data)

    for work in (read, write):
        threading.Thread(target=work, daemon=True).start()
