"""A Postgres outside of the cluster, for runs that keep their ledger there."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.dask_cluster import make_certificates
from tests.support.postgres import PostgresServer, postgres_server

OUTSIDE = "198.51.100.1"  # an address of this machine's, which is no part of the cluster
PODS = "10.200."


@dataclass(frozen=True)
class Outside:
    """A server with a database and a role for the ledger."""

    server: PostgresServer
    port: int
    """At OUTSIDE."""
    ca: Path | None
    """Of its certificate, which is for OUTSIDE; it takes the role by TLS alone then."""

    def literals(self, host: str = OUTSIDE) -> list[str]:
        """Flags for `kubectl create secret generic`."""
        said = {"PGHOST": host, "PGPORT": self.port, "PGDATABASE": "modelops", "PGUSER": "modelops", "PGPASSWORD": "pw"}
        return [f"--from-literal={key}={value}" for key, value in said.items()]

    def egress(self) -> list[object]:
        """The rule that lets a run's pods through."""
        ports = [{"port": self.port, "protocol": "TCP"}]
        return [{"to": [{"ipBlock": {"cidr": f"{OUTSIDE}/32"}}], "ports": ports}]

    def as_service(self, name: str) -> str:
        """A Service and its endpoint: a name for the server that means nothing outside of the cluster."""
        port = {"port": self.port, "protocol": "TCP", "name": "postgres"}
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": [port]}}
        endpoints = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "ports": [port],
            "endpoints": [{"addresses": [OUTSIDE]}],
        }
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": [service, endpoints]})


@contextmanager
def outside(folder: Path, *, tls: bool, port: int = 0, pods_alone: bool = False) -> Iterator[Outside]:
    """At any port that is free, where none is given. With `pods_alone` it takes nobody from this machine."""
    with postgres_server() as server, _reachable_from_the_cluster(server, port, pods_alone) as port:
        server.execute("CREATE ROLE modelops LOGIN PASSWORD 'pw'")
        server.execute("CREATE DATABASE modelops OWNER modelops")
        ca = None
        if tls:
            made = make_certificates(folder, names=f"IP:{OUTSIDE}")
            server.encrypt(made.cert, made.key)
            ca = made.ca
        server.ask_for_passwords(by_tls=tls)
        yield Outside(server, port, ca)


@contextmanager
def _reachable_from_the_cluster(server: PostgresServer, port: int, pods_alone: bool) -> Iterator[int]:
    """The server listens on the loopback interface alone: this brings connections to it; yields the port."""

    def pass_on(source: socket.socket, to: socket.socket) -> None:
        with suppress(OSError):  # one of the two has gone
            while data := source.recv(65536):
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)

    def serve() -> None:
        while True:
            try:
                client, (address, _) = listening.accept()
            except OSError:
                return
            stranger = pods_alone and not address.startswith(PODS)
            source = "127.0.0.2" if stranger else "127.0.0.1"  # pg_hba.conf knows the second alone
            postgres = socket.create_connection(("127.0.0.1", server.port), source_address=(source, 0))
            for ends in ((client, postgres), (postgres, client)):
                threading.Thread(target=pass_on, args=ends, daemon=True).start()

    with socket.create_server((OUTSIDE, port)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
