"""A port of a pod on this machine, through the API server.

Our own listener over the Kubernetes client's stream, since that of kr8s retries a lost pod forever without a pause.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from mops.cluster.access import Access
from mops.cluster.errors import translated_errors

_CHUNK = 65_536


@contextlib.contextmanager
def forwarded_port(
    access: Access, namespace: str, pod: Callable[[], str], port: int, *, local: int = 0
) -> Iterator[int]:
    """Listen on 127.0.0.1 (`local` 0: any free port), and hand each connection to the pod's port; yields the local port.

    `pod` returns the pod's name for each connection. An unreachable pod ends the connection, not the block.
    The first connection is tried before the block begins. Raises ClusterError when that fails, OSError for a taken port.
    """
    with translated_errors(f"reaching pod {namespace}/{pod()}"):
        _close(_open(access, namespace, pod, port))
    with socket.create_server(("127.0.0.1", local)) as server:
        acceptor = threading.Thread(
            target=_accept_connections, args=(server, access, namespace, pod, port), daemon=True
        )
        acceptor.start()
        yield server.getsockname()[1]
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)


def _open(access: Access, namespace: str, pod: Callable[[], str], port: int) -> Any:
    from kubernetes import client
    from kubernetes.stream import portforward

    # A separate API client, because kubernetes.stream replaces the client's request method while it connects.
    api = client.CoreV1Api(access.api())
    return portforward(api.connect_get_namespaced_pod_portforward, pod(), namespace, ports=str(port)).socket(port)


def _accept_connections(
    server: socket.socket, access: Access, namespace: str, pod: Callable[[], str], port: int
) -> None:
    while True:
        try:
            near, _ = server.accept()
        except OSError:  # the block has ended
            return
        threading.Thread(target=_connect, args=(near, access, namespace, pod, port), daemon=True).start()


def _connect(near: socket.socket, access: Access, namespace: str, pod: Callable[[], str], port: int) -> None:
    try:
        far = _open(access, namespace, pod, port)
    except Exception:  # whatever the error, the local side sees its connection end
        _close(near)
        return
    back = threading.Thread(target=_pump, args=(far, near), daemon=True)
    back.start()
    _pump(near, far)


def _pump(source: Any, sink: Any) -> None:
    with contextlib.suppress(OSError, ValueError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    _close(sink)
    _close(source)


def _close(one: Any) -> None:
    with contextlib.suppress(OSError, ValueError):
        one.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError, ValueError):
        one.close()
